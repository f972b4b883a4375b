"""Random splits are stratified, reproducible, and keep duplicates together."""

import json
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.datasets import texts_of
from textgraft.data.dataset import Dataset
from textgraft.data.folding import fold
from textgraft.data.random_splits import draw_stratified
from textgraft.errors import ConfigError, DataError

GOLDEN = """
from textgraft.data.dataset import Dataset
from tests.helpers.datasets import texts_of
texts = [f"text {n % 17}" for n in range(24)]
first, _ = Dataset.from_lists(texts, ["abc"[n % 17 % 3] for n in range(24)]).split(0.7, seed=5)
print([int(first.location(row).split()[-1]) - 1 for row in range(len(first))])
"""
GOLDEN_ROWS = [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 18, 19, 20, 21, 23]


def rows_of(part):
    return [int(part.location(row).split()[-1]) - 1 for row in range(len(part))]


@st.composite
def labelled(draw):
    """Texts with their labels; variants of one text always share their label."""
    bases = draw(st.lists(st.integers(0, 40), min_size=4, max_size=60))
    variants = [("text %d", "TEXT  %d ", "\tText\n%d")[draw(st.integers(0, 2))] % base for base in bases]
    return variants, [f"label {base % 3}" for base in bases]


@settings(deadline=None, max_examples=60)
@given(labelled(), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_split_is_stratified_and_keeps_duplicates_together(data, fraction, seed):
    texts, labels = data
    dataset = Dataset.from_lists(texts, labels)
    groups = {label: {} for label in labels}
    for text, label in zip(texts, labels, strict=True):
        groups[label][fold(text)] = groups[label].get(fold(text), 0) + 1
    if all(len(group) == 1 for group in groups.values()):
        return
    first, second = dataset.split(fraction, seed)
    first_rows, second_rows = rows_of(first), rows_of(second)
    assert sorted(first_rows + second_rows) == list(range(len(texts)))
    assert first_rows == sorted(first_rows)
    assert second_rows == sorted(second_rows)
    assert not {fold(texts[row]) for row in first_rows} & {fold(texts[row]) for row in second_rows}
    assert first.counts().keys() == groups.keys()
    share = (1 - fraction) * len(texts)
    divisible = sum(len(sizes) > 1 for sizes in groups.values())
    within_share, one_per_label = len(second) <= max(1, int(share + 1e-9)), len(second) == divisible <= 2 * share
    assert within_share or one_per_label or len(second.counts()) == 1
    for label, count in second.counts().items():
        assert count <= (1 - fraction) * sum(groups[label].values()) + max(groups[label].values())
    assert rows_of(dataset.split(fraction, seed)[0]) == first_rows


def test_equal_sizes_are_stratified_exactly():
    labels = np.repeat(np.array([0, 1], np.int32), [800, 200])
    drawn = draw_stratified(labels, np.arange(1000), 0.8, 3)
    assert drawn[:800].sum() == 640
    assert drawn[800:].sum() == 160


@pytest.mark.parametrize(
    ("labels", "held_out"),
    [
        ([50, 50], [5, 5]),
        ([8, 8], [1, 1]),
        ([14] * 20, [2] * 8 + [1] * 12),
        ([1000, 3, 3, 2, 1], [97, 1, 1, 1, 0]),
        ([6] * 10, [1] * 10),
        ([2] * 30, [1] * 6 + [0] * 24),
        ([2, 1, 1, 1], [1, 0, 0, 0]),
        ([1, 1], [0, 0]),
    ],
)
def test_tenth_is_kept_to_with_a_text_of_each_label_where_possible(labels, held_out):
    codes = np.repeat(np.arange(len(labels), dtype=np.int32), labels)
    drawn = draw_stratified(codes, np.arange(len(codes)), 0.9, 0)
    assert np.bincount(codes[~drawn], minlength=len(labels)).tolist() == held_out


def test_duplicates_do_not_exceed_the_share():
    codes, digests = np.repeat(np.array([0, 1], np.int32), 100), np.arange(200) // 4
    assert np.bincount(codes[~draw_stratified(codes, digests, 0.95, 0)]).tolist() == [4, 4]
    assert (~draw_stratified(codes[:10], np.arange(10) // 5, 0.9, 0)).sum() == 5


def test_large_draw_is_reproducible():
    drawn = draw_stratified(np.arange(5000, dtype=np.int32) % 7, np.arange(5000), 0.3, 11)
    assert sha256(np.packbits(drawn).tobytes()).hexdigest()[:16] == "6c1ae27c44d39789"


def test_seed_changes_the_draw():
    digests = np.arange(100)
    codes = np.zeros(100, np.int32)
    assert (draw_stratified(codes, digests, 0.5, 0) != draw_stratified(codes, digests, 0.5, 1)).any()


def test_duplicates_with_several_labels_stay_together():
    data = Dataset.from_lists(["same", "other", "Same ", "third"] * 5, ["a", "a", "b", "b"] * 5)
    first, second = data.split(0.5)
    assert not {*map(fold, texts_of(first))} & {*map(fold, texts_of(second))}


def test_unlabelled_texts_are_split():
    first, second = Dataset.from_lists([str(n) for n in range(10)]).split(0.7)
    assert (len(first), len(second)) == (7, 3)


def test_part_of_a_dataset_is_split():
    data = Dataset.from_lists([str(n) for n in range(100)], ["ab"[n % 2] for n in range(100)])
    first, second = data.take(range(50, 100)).split(0.5, seed=1)
    assert sorted(rows_of(first) + rows_of(second)) == list(range(50, 100))


def test_draw_is_the_same_in_every_process():
    output = subprocess.run([sys.executable, "-c", GOLDEN], capture_output=True, check=True, text=True).stdout
    assert json.loads(output) == GOLDEN_ROWS


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_fraction_out_of_range_is_reported(fraction):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Dataset.from_lists(["a", "b"]).split(fraction)


def test_too_few_different_texts_are_reported():
    with pytest.raises(DataError, match="too few different texts"):
        Dataset.from_lists(["a", "A", " a"]).split(0.5)


def test_only_text_of_a_label_goes_to_the_first_part():
    """Even if that text has another label too; in the second part, the label would be unknown."""
    texts = [*map(str, range(40)), "twice", "twice"]
    data = Dataset.from_lists(texts, [*["a", "c"] * 20, "a", "b"])
    assert all("b" in data.split(0.9, seed)[0].labels for seed in range(20))
