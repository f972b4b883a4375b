"""Integer tags: conversion to spans and back, span F1 and Viterbi decoding."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgraft.data.tags import spans_from_tags
from textgraft.tasks import tag_decoding

LABELS = 2
NAMES = ["O", "B-0", "I-0", "B-1", "I-1"]
SEQUENCES = st.lists(st.lists(st.integers(0, 2 * LABELS), max_size=8), min_size=1, max_size=5)


def flat(sequences):
    return np.array([tag for tags in sequences for tag in tags], np.int64), np.array([len(tags) for tags in sequences])


@given(SEQUENCES)
def test_spans_equal_those_of_string_tags(sequences):
    spans, offset, expected = tag_decoding.decode_spans(*flat(sequences)), 0, []
    for tags in sequences:
        string_spans = spans_from_tags([NAMES[tag] for tag in tags])
        expected += [(offset + span.start, offset + span.end, int(span.label)) for span in string_spans]
        offset += len(tags)
    assert list(zip(*map(np.ndarray.tolist, spans), strict=True)) == expected


@given(SEQUENCES)
def test_spans_survive_conversion_to_tags_and_back(sequences):
    tags, lengths = flat(sequences)
    spans = tag_decoding.decode_spans(tags, lengths)
    again = tag_decoding.decode_spans(tag_decoding.encode_spans(spans, len(tags)), lengths)
    for before, after in zip(spans, again, strict=True):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_viterbi_equals_exhaustive_search(seed):
    random = np.random.Generator(np.random.PCG64(seed))
    lengths = random.integers(0, 5, size=3)
    scores = random.normal(size=(int(lengths.sum()), len(NAMES)))
    tags, offset = tag_decoding.viterbi(scores, lengths), 0
    for length in lengths:
        rows = scores[offset : offset + length]
        valid = [path for path in product(range(len(NAMES)), repeat=int(length)) if _is_valid(path)]
        best = max(valid, key=lambda path, rows=rows: sum(rows[range(len(path)), path]))
        assert tuple(tags[offset : offset + length]) == best
        offset += length


def _is_valid(tags):
    previous = 0
    for tag in tags:
        if tag and tag % 2 == 0 and (previous == 0 or (previous - 1) // 2 != (tag - 1) // 2):
            return False
        previous = tag
    return True


def test_span_f1_counts_spans_with_the_same_words_and_label():
    lengths = np.array([4])
    true, predicted = (tag_decoding.decode_spans(np.array(tags), lengths) for tags in ([1, 2, 0, 3], [1, 2, 3, 3]))
    assert tag_decoding.span_f1(true, predicted) == pytest.approx(2 * 2 / 5)
    no_spans = tag_decoding.decode_spans(np.zeros(4, int), lengths)
    assert tag_decoding.span_f1(no_spans, no_spans) == 0.0
