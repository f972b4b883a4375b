"""Decoding of tags as graph ops, compared with NumPy's."""

import numpy as np
import pytest
import tensorflow as tf

from textgraft.tasks import tag_decoding, tag_graph
from textgraft.text.words import Words

LENGTHS = [[3, 0, 1, 7], [0], [], [1], [5, 5]]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("labels", [1, 3])
def test_best_valid_tags_equal_those_of_numpy(lengths, labels):
    lengths, random = np.array(lengths, np.int64), np.random.default_rng(labels)
    width = 1 + 2 * labels
    spec = tf.RaggedTensorSpec([None, None, width], tf.float64, 1)
    best_tags = tf.function(tag_graph.best_tags, input_signature=[spec])
    for _ in range(20):
        scores = np.log(random.dirichlet(np.full(width, 0.3), int(lengths.sum())) + 1e-30).reshape(-1, width)
        tags = best_tags(tf.RaggedTensor.from_row_lengths(scores, lengths))
        np.testing.assert_array_equal(tags, tag_decoding.viterbi(scores, lengths))


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_spans_of_any_tags_equal_those_of_numpy(lengths):
    lengths, random = np.array(lengths, np.int64), np.random.default_rng(0)
    for _ in range(20):
        tags = random.integers(0, 5, int(lengths.sum())).astype(np.int32)
        spans = tag_graph.find_spans(tf.constant(tags), tf.constant(lengths))
        expected = tag_decoding.decode_spans(tags, lengths)
        np.testing.assert_array_equal(spans.starts, expected.starts)
        np.testing.assert_array_equal(spans.labels, expected.labels)
        words = np.full(len(tags), -1)
        for index, (start, end) in enumerate(zip(expected.starts, expected.ends, strict=True)):
            words[start:end] = index
        np.testing.assert_array_equal(spans.words, words)


def test_score_of_an_entity_of_many_words_is_the_exact_mean():
    count = 5000
    probabilities = np.random.default_rng(0).uniform(0.3, 1, count).astype(np.float32)
    assert abs(np.cumsum(probabilities)[-1] / count - probabilities.mean(dtype=np.float64)) > 1e-6  # in float32
    starts = tf.range(0, 2 * count, 2, tf.int64)
    words = Words(tf.fill([count], "a"), starts, starts + 1, tf.constant([count], tf.int64))
    tags = tf.constant([1] + [2] * (count - 1))
    spans = tag_graph.find_spans(tags, words.lengths)
    ragged = tf.RaggedTensor.from_row_lengths(tf.stack([probabilities] * 3, axis=1), [count])
    scores = tag_graph.score_spans(spans, tags, ragged, "constrained", "words")
    answers = tag_graph.entities(tf.constant(["a " * count]), words, spans, scores, ["x"])
    assert answers["count"].numpy().tolist() == [1]
    assert answers["score"].numpy()[0, 0] == np.float32(probabilities.mean(dtype=np.float64))
