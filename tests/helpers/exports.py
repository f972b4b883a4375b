"""Models that are exported, and texts by which exports are compared with them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

import textgraft as tg
from tests.helpers.nasty_texts import NASTY
from textgraft.ngrams.fitting import FittedNgrams, Settings
from textgraft.ngrams.matrix import count_texts
from textgraft.tasks.ngrams import Ngrams
from textgraft.tasks.novelty import Novelty

TEXTS = [*NASTY[:30], "a great film", "one two three " * 40]

# Labels and options of classifiers, by the kind of their answers or texts.
_KINDS: Mapping[str, tuple[list[Any], dict[str, Any]]] = {
    "binary": ([False, True], {}),
    "multi-label": (["a", "b"], {"problem": "multi-label", "thresholds": [0.3, 0.7]}),
    "regression": ([], {"problem": "regression", "mean": 1e6, "scale": 250.0}),
    "pairs": (["x", "y", "z"], {"pairs": True}),
    "pairs head+tail": ([False, True], {"pairs": True, "truncation": "head+tail"}),
    "head+tail": ([False, True], {"truncation": "head+tail"}),
    "windows": (["x", "y", "z"], {"truncation": "windows"}),
    "hidden": ([1, 2, 30], {"hidden": (8,), "pooling": "max"}),
}


def classifier(preset, kind):
    """A classifier of rows of 16 tokens; its answers differ from text to text."""
    labels, options = _KINDS[kind]
    return sharpen(tg.TextClassifier(preset, labels, precision="float32", sequence_length=16, **options))


def texts_of(model):
    """The texts, or pairs with texts of other lengths."""
    return [(text, "a second text " * (len(text) % 9)) for text in TEXTS] if model.pairs else TEXTS


def sharpen(model):
    """Give the head weights whose outputs differ from text to text."""
    kernel, bias = model.head.layers[-1].weights
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    outputs = model.reference_outputs(texts_of(model)) if model.pooled else _tag_logits(model)
    kernel.assign(kernel / outputs.std(axis=0))
    bias.assign(-outputs.mean(axis=0) / outputs.std(axis=0))
    return model


def _tag_logits(model):
    return next(model.outputs([np.array([text.encode() for text in TEXTS], object)])).values


def add_ngrams(model, network_temperature=2.5):
    """Give a classifier of two labels all n-grams of the texts, with weights that change its answers."""
    cleaning = model.architecture.cleaning
    counts = count_texts([np.array([text.encode() for text in TEXTS], object)], cleaning)
    buckets = np.unique(counts.indices)
    random = np.random.default_rng(0)
    kernel = random.normal(size=(len(buckets), 1), scale=2).astype(np.float32)
    scale = random.uniform(1, 5, len(buckets)).astype(np.float32)
    settings = Settings("idf", 4.0)
    ngrams = FittedNgrams(settings, buckets, scale, kernel, np.array([0.5], np.float32)).to_model(1.0, cleaning)
    facts = {"features": len(buckets), "weight": 1.0, "network_temperature": network_temperature, **asdict(settings)}
    model.ngrams = Ngrams(ngrams, facts)
    return model


def reject_distant(model):
    """Let a classifier reject about half of the texts: those far from the means of labels that alternate."""
    texts, labels = texts_of(model), len(model.labels)
    vectors = np.concatenate([part for part, _ in model.outputs_with_vectors(model.text_batches(texts))])
    model.set_novelty(Novelty.of_vectors(vectors, np.arange(len(texts)) % labels, labels))
    distances = np.sort(model.novelty(vectors).numpy()[:, 0].astype(np.float64))
    quarter = len(texts) // 4
    widest = quarter + int(np.diff(distances)[quarter:-quarter].argmax())
    model.objective.reject_above = float(distances[widest : widest + 2].mean())
    return model
