"""Duplicates are texts that differ only in case, white space and Unicode form."""

import numpy as np
import pytest

from textgraft.data.folding import fold
from textgraft.data.random_splits import text_digests


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A  Film\n", " a film"),
        ("cafe\u0301", "CAFÉ"),
        ("Straße", "STRASSE"),
        ("a\u00a0b", "a\tb"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_duplicates_fold_to_the_same_text(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("café", "cafe"), ("a.", "a"), ("ﬁ 1", "ﬁ 2")])
def test_different_texts_fold_differently(one, other):
    assert fold(one) != fold(other)


def test_digests_find_shared_texts():
    known = text_digests([b"one", b"two", b"two"])
    others = text_digests([b"TWO", b" two ", b"three", b"one", b"four"])
    assert known.dtype == np.dtype("V16")
    assert np.isin(others, known).tolist() == [True, True, False, True, False]


def test_both_texts_of_a_pair_are_folded():
    first, second, other = text_digests([b"good \0 x", b"Good\0x", b"goodx\0"])
    assert first == second
    assert first != other


def test_letters_that_fold_to_several_are_composed_again():
    assert fold("\u039c\u03b1\u0390\u03bf\u03c5") == fold("\u039c\u03b1\u0390\u03bf\u03c5".upper())
