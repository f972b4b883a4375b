"""Logits of n-grams, attributed to words."""

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.exports import TEXTS, add_ngrams
from textgraft.explanation.ngram_attribution import ngram_attributions
from textgraft.explanation.words import words_of


@pytest.fixture(scope="module")
def model(word_vectors_backbone):
    return add_ngrams(tg.TextClassifier(word_vectors_backbone, [False, True], "float32"))


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip()][:20])
def test_parts_of_words_sum_to_the_logits(model, text):
    groups = words_of([text], 10_000)
    attributions = ngram_attributions(model.ngrams.model, [text], groups)
    logits = model.ngrams.model.logits(np.array([text.encode()], object))[0]
    np.testing.assert_allclose(attributions.words.sum(axis=0) + attributions.bias, logits, atol=1e-4)


def test_pair_of_words_counts_half_for_each(model):
    ngrams = model.ngrams.model
    buckets = np.asarray(ngrams.buckets)
    ngrams.kernel.assign(np.zeros(ngrams.kernel.shape))
    import tensorflow as tf

    from textgraft.model_folder.ngrams import BUCKETS

    bucket = tf.strings.to_hash_bucket_fast("great film", BUCKETS).numpy()
    kernel = np.zeros(ngrams.kernel.shape, np.float32)
    kernel[buckets == bucket] = 3.0
    ngrams.kernel.assign(kernel)
    parts = ngram_attributions(ngrams, ["a great film"], words_of(["a great film"], 9)).words[:, 0]
    assert parts[0] == 0
    assert parts[1] == parts[2] > 0


def test_network_and_ngrams_are_explained_together(model):
    (explanation,) = model.explain("a great film one two three", target=True)
    outputs = model.reference_outputs(["a great film one two three"])
    assert explanation.value == pytest.approx(float(outputs[0, 0]), abs=1e-4)
    assert explanation.attributions.sum() == pytest.approx(explanation.value - explanation.baseline, rel=0.05)
    assert explanation.completeness_error <= 0.05
