import pytest

from textgraft.data.duplicates import DIGEST, digests, fold, shared


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
    known = digests([b"one", b"two", b"two"])
    others = digests([b"TWO", b" two ", b"three", b"one", b"four"])
    assert known.dtype == DIGEST
    assert shared(known, others) == 3
    assert shared(others, known) == 3
    assert shared(known, digests([])) == 0


def test_each_text_of_a_pair_is_folded():
    first, second, other = digests([b"good \0 x", b"Good\0x", b"goodx\0"])
    assert first == second
    assert first != other


def test_letters_that_fold_to_several():
    assert fold("\u039c\u03b1\u0390\u03bf\u03c5") == fold("\u039c\u03b1\u0390\u03bf\u03c5".upper())
