"""Words of a text, and the text without them."""

import pytest

from tests.helpers.nasty_texts import NASTY
from textgraft.explanation.words import WordGroup, without_all, without_words, words_of


def pieces(text, max_groups=100_000):
    return [text[words.start : words.end] for words in words_of([text], max_groups)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n ", []),
        ("a great film", ["a", "great", "film"]),
        ("  it's  good!\n", ["it's", "good!"]),
        ("东京 is big", ["东", "京", "is", "big"]),
        ("in東京today", ["in", "東", "京", "today"]),
        ("ที่ดี", ["ที่", "ดี"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_words_are_runs_without_white_space_or_characters_of_scripts_without_spaces(text, words):
    assert pieces(text) == words


@pytest.mark.parametrize("text", NASTY)
def test_words_cover_all_characters_but_white_space(text):
    assert "".join(pieces(text)).split() == "".join(text.replace("\u200b", " ").split()).split()


def test_many_words_are_grouped_evenly():
    text = " ".join(map(str, range(10)))
    assert pieces(text, 4) == ["0 1 2", "3 4 5", "6 7 8", "9"]
    assert pieces(text, 10) == text.split()


def test_pairs_share_the_groups():
    words = words_of(["a b c d", "e f g"], 4)
    assert words == [WordGroup(0, 0, 3), WordGroup(0, 4, 7), WordGroup(1, 0, 3), WordGroup(1, 4, 5)]
    assert without_words(["a b c d", "e f g"], words[3]) == ("a b c d", "e f")


def test_words_are_removed_with_the_white_space_before_them():
    text = "a great film"
    assert [without_words([text], words) for words in words_of([text], 9)] == [
        ("great film",), ("a film",), ("a great",),
    ]  # fmt: skip


def test_several_words_are_removed_as_one_after_the_other():
    parts = ("  a great\n film , 東京 ", "and another")
    words = words_of(parts, 99)
    for removed in ([0, 1, 5], [0, 1, 2, 3], [4, 2, 6], [*range(8)], []):
        expected = parts
        for index in sorted(removed, reverse=True):
            expected = without_words(expected, words[index])
        assert without_all(parts, [words[index] for index in removed]) == expected


def test_long_texts_take_no_quadratic_time():
    text = "東 x " * 50_000
    assert len(words_of([text], 64)) <= 64
    assert without_all([text], words_of([text], 1_000_000)) == ("",)
