"""Models whose exports to Hugging Face folders are compared with transformers; their heads have random weights."""

from collections.abc import Callable, Mapping

import numpy as np

import textgraft as tg
from tests.golden.texts import SHORT
from tests.golden.with_head import GOLDEN
from textgraft.tasks.base import Task

TEXTS = [text for text in SHORT if text.strip()]
PAIRS = [(text, text[::-1]) for text in TEXTS]
_LENGTH = 32
_DECODERS = ("gpt2", "opt")
_FAMILIES = (
    "albert", "bert", "bert_sentence_piece", "deberta_v3", "distil_bert", "electra", "gpt2", "opt", "roberta",
    "xlm_roberta",
)  # fmt: skip
_LABELS = {"labels": ["bad", "good", "so so"]}


def classifier(family: str, **options: object) -> Task:
    """A classifier that pools as transformers' class for texts does."""
    pooling = {"pooling": "last" if family in _DECODERS else "cls"}
    model = tg.TextClassifier(
        GOLDEN / family, precision="float32", sequence_length=_LENGTH, **{**_LABELS, **pooling, **options}
    )
    return _with_random_head(model)


def tagger(family: str) -> Task:
    """A classifier of tokens."""
    model = tg.TokenClassifier(GOLDEN / family, ["PER", "LOC"], precision="float32", sequence_length=_LENGTH)
    return _with_random_head(model)


def _with_random_head(model: Task) -> Task:
    random = np.random.default_rng(0)
    for weight in model.head.weights:
        weight.assign(random.normal(0, 0.3, weight.shape))
    if hasattr(model.objective, "temperature"):
        model.objective.temperature = 1.7
    return model


def _embedder(**options: object) -> Task:
    return tg.TextEmbedder(GOLDEN / "bert", precision="float32", sequence_length=_LENGTH, **options)


# By name.
MODELS: Mapping[str, Callable[[], Task]] = {
    **{f"texts-{family}": lambda family=family: classifier(family) for family in _FAMILIES},
    **{f"tokens-{family}": lambda family=family: tagger(family) for family in _FAMILIES if family != "opt"},
    "binary": lambda: classifier("bert", labels=["no", "yes"]),
    "binary-gpt2": lambda: classifier("gpt2", labels=["no", "yes"]),
    "pairs": lambda: classifier("roberta", pairs=True),
    "hidden": lambda: classifier("distil_bert", hidden=(8,)),
    "hidden-deberta_v3": lambda: classifier("deberta_v3", hidden=(8,)),
    "multi-label": lambda: classifier("electra", problem="multi-label", thresholds=[0.3, 0.5, 0.6]),
    "regression": lambda: classifier("albert", labels=[], problem="regression", mean=50.0, scale=20.0),
    "mean": lambda: classifier("bert", pooling="mean", hidden=(8,)),
    "embedder": lambda: _embedder(pooling="mean", normalize=True, prompt="query: "),
    "embedder-max": lambda: _embedder(pooling="max"),
}


def outputs(model: Task) -> np.ndarray:
    """Calibrated logits or vectors, float32 (n, outputs), or logits of all tokens of the texts one after the other."""
    if not model.pooled:
        return np.concatenate([_tag_logits(model, text) for text in TEXTS])
    values = model.reference_outputs(PAIRS if model.pairs else TEXTS)
    if (output_map := model.output_map()) is not None:
        factors, offsets = output_map
        values = values @ factors + offsets
    return values.astype(np.float32)


def _tag_logits(model: Task, text: str) -> np.ndarray:
    row = model.tokenize([np.array([text.encode()], object)]).ids[np.newaxis]
    inputs = {"token_ids": row, "padding_mask": np.ones_like(row), "segment_ids": np.zeros_like(row)}
    logits = model.model({name: inputs[name] for name in model.backbone.network.input}).numpy()[0]
    return logits / model.objective.temperature
