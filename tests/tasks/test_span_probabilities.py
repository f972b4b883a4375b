"""Probabilities of spans, compared with an enumeration of all tag sequences."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from textgraft.tasks import tag_graph
from textgraft.tasks.tag_decoding import (
    CONSTRAINED,
    FREE,
    SPANS,
    WORDS,
    SpanArrays,
    decode_spans,
    decode_tags,
    free_span_probabilities,
    log_probabilities,
    scored_spans,
    span_probabilities,
    transition_scores,
)


def draw(labels, words, seed):
    """Probabilities of tags, float32 (words, tags)."""
    random = np.random.default_rng(seed)
    return random.dirichlet(np.full(1 + 2 * labels, 0.5), words).astype(np.float32)


def enumerate_spans(probabilities, constrained):
    """The probability of every span of one text, from all tag sequences."""
    words, tags = probabilities.shape
    transitions, weights, total = transition_scores(tags), {}, 0.0
    for sequence in product(range(tags), repeat=words):
        steps = zip((0, *sequence), sequence, strict=False)
        if constrained and any(transitions[previous, tag] < 0 for previous, tag in steps):
            continue
        weight = np.prod(probabilities[np.arange(words), sequence], dtype=np.float64)
        total += weight
        for span in zip(*map(list, decode_spans(np.array(sequence), np.array([words]))), strict=True):
            weights[span] = weights.get(span, 0.0) + weight
    return {span: weight / total for span, weight in weights.items()}


@pytest.mark.parametrize("decoding", [CONSTRAINED, FREE])
@pytest.mark.parametrize(("labels", "words"), [(1, 1), (1, 6), (2, 5), (3, 4)])
def test_probabilities_are_those_of_all_tag_sequences(labels, words, decoding):
    for seed in range(3):
        probabilities = draw(labels, words, seed)
        expected = enumerate_spans(probabilities, decoding == CONSTRAINED)
        spans = SpanArrays(*(np.array(column, np.int64) for column in zip(*expected, strict=True)))
        if decoding == FREE:
            scores = free_span_probabilities(spans, probabilities.astype(float), np.array([words]))
        else:
            scores = span_probabilities(spans, log_probabilities(probabilities).astype(float), np.array([words]))
        np.testing.assert_allclose(scores, list(expected.values()), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("decoding", [CONSTRAINED, FREE])
def test_texts_do_not_depend_on_their_neighbours(decoding):
    lengths = np.array([0, 4, 1, 0, 4, 7, 0])
    probabilities = draw(2, lengths.sum(), 7)
    (_, together), alone, start = scored_spans(probabilities, lengths, decoding), [], 0
    for length in lengths:
        _, scores = scored_spans(probabilities[start : start + length], np.array([length]), decoding)
        alone += scores.tolist()
        start += length
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_a_certain_span_has_the_probability_1_in_a_text_of_any_length():
    probabilities = np.full((3000, 5), 1e-9, np.float32)
    tags = np.zeros(3000, np.int64)
    tags[10:13], tags[500:2500] = [1, 2, 2], [3, *[4] * 1999]
    probabilities[np.arange(3000), tags] = 1
    _, scores = scored_spans(probabilities, np.array([3000]), CONSTRAINED)
    np.testing.assert_allclose(scores, [1, 1], atol=1e-4)


LENGTHS = [[3, 0, 1, 7], [0], [], [1], [5, 5]]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("decoding", [CONSTRAINED, FREE])
@pytest.mark.parametrize("scoring", [SPANS, WORDS])
def test_graph_scores_equal_those_of_numpy(lengths, decoding, scoring):
    lengths = np.array(lengths, np.int64)
    spec = tf.RaggedTensorSpec([None, None, 5], tf.float32, 1)

    @tf.function(input_signature=[spec, tf.TensorSpec([None], tf.int32)])
    def graph(probabilities, tags):
        spans = tag_graph.find_spans(tags, probabilities.row_lengths())
        return tag_graph.score_spans(spans, tags, probabilities, decoding, scoring)

    for seed in range(5):
        probabilities = draw(2, int(lengths.sum()), seed).reshape(-1, 5)
        tags = decode_tags(probabilities, lengths, decoding)
        _, expected = scored_spans(probabilities, lengths, decoding, scoring)
        scores = graph(tf.RaggedTensor.from_row_lengths(probabilities, lengths), tags.astype(np.int32))
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
