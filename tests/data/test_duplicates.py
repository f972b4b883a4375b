import numpy as np
import pytest

from textgraft.data.slices import fold, text_digests


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
def test_the_same(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("café", "cafe"), ("a.", "a"), ("ﬁ 1", "ﬁ 2")])
def test_not_the_same(one, other):
    assert fold(one) != fold(other)


def test_shared_counts_rows_of_the_second():
    known = text_digests([b"one", b"two", b"two"])
    others = text_digests([b"TWO", b" two ", b"three", b"one", b"four"])
    assert known.dtype == np.dtype("V16")
    assert np.isin(others, known).tolist() == [True, True, False, True, False]


def test_each_text_of_a_pair_is_folded():
    first, second, other = text_digests([b"good \0 x", b"Good\0x", b"goodx\0"])
    assert first == second
    assert first != other


def test_letters_that_fold_to_several():
    assert fold("\u039c\u03b1\u0390\u03bf\u03c5") == fold("\u039c\u03b1\u0390\u03bf\u03c5".upper())
