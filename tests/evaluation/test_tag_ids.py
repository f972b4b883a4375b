"""Tags as numbers: spans and back, and the best sequence that is allowed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgraft.data import tags as named
from textgraft.evaluation import tag_ids

TYPES = 2
NAMES = ["O", "B-0", "I-0", "B-1", "I-1"]
SEQUENCES = st.lists(st.lists(st.integers(0, 2 * TYPES), max_size=8), min_size=1, max_size=5)


def flat(sequences):
    return np.array([tag for tags in sequences for tag in tags], np.int64), np.array([len(tags) for tags in sequences])


@given(SEQUENCES)
def test_spans_are_those_of_the_named_tags(sequences):
    spans, first, expected = tag_ids.spans_of(*flat(sequences)), 0, []
    for tags in sequences:
        spelled = named.spans_of([NAMES[tag] for tag in tags])
        expected += [(first + span.start, first + span.end, int(span.label)) for span in spelled]
        first += len(tags)
    assert list(zip(*map(np.ndarray.tolist, spans), strict=True)) == expected


@given(SEQUENCES)
def test_from_spans_to_tags_and_back(sequences):
    tags, lengths = flat(sequences)
    spans = tag_ids.spans_of(tags, lengths)
    again = tag_ids.spans_of(tag_ids.tags_of(spans, len(tags)), lengths)
    for one, other in zip(spans, again, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_most_probable_sequence_is_that_of_all_allowed_ones(seed):
    random = np.random.Generator(np.random.PCG64(seed))
    lengths = random.integers(0, 5, size=3)
    scores = random.normal(size=(int(lengths.sum()), len(NAMES)))
    found, first = tag_ids.most_probable(scores, lengths), 0
    for length in lengths:
        rows = scores[first : first + length]
        allowed = [tags for tags in product(range(len(NAMES)), repeat=int(length)) if _is_allowed(tags)]
        best = max(allowed, key=lambda tags, rows=rows: sum(rows[range(len(tags)), tags]))
        assert tuple(found[first : first + length]) == best
        first += length


def _is_allowed(tags):
    before = 0
    for tag in tags:
        if tag and tag % 2 == 0 and (before == 0 or (before - 1) // 2 != (tag - 1) // 2):
            return False
        before = tag
    return True


def test_f1():
    lengths = np.array([4])
    true, found = (tag_ids.spans_of(np.array(tags), lengths) for tags in ([1, 2, 0, 3], [1, 2, 3, 3]))
    assert tag_ids.f1(true, found) == pytest.approx(2 * 2 / 5)
    nothing = tag_ids.spans_of(np.zeros(4, int), lengths)
    assert tag_ids.f1(nothing, nothing) == 0.0
