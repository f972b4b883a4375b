"""Words of scripts without spaces: how they are joined, and what their lengths show."""

import re
import unicodedata

import pytest

from textgraft.data.scripts import UNSPACED, WHITE_SPACE, WordLengths, is_unspaced, join_words, unspaced_bounds


def test_white_space_is_that_of_python_and_the_zero_width_space():
    characters = [chr(code) for code in range(0x11000)]
    matched = {character for character in characters if re.match(f"[{WHITE_SPACE}]", character)}
    assert matched == {character for character in characters if character.isspace()} | {"\u200b"}


@pytest.mark.parametrize(
    "name", ["CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA", "THAI CHARACTER", "LAO", "KHMER LETTER"]
)
def test_scripts_without_spaces_are_known(name):
    characters = [chr(code) for code in range(0x30000) if unicodedata.name(chr(code), "").startswith(name)]
    letters = [character for character in characters if unicodedata.category(character) in ("Lo", "Lm", "Nd")]
    assert len(letters) > 10
    assert all(map(is_unspaced, letters))


def test_scripts_with_spaces_are_not_matched():
    names = ("LATIN", "CYRILLIC", "HANGUL", "ARABIC", "DEVANAGARI", "GREEK")
    characters = (chr(code) for code in range(0x11000) if unicodedata.name(chr(code), "").startswith(names))
    assert not [character for character in characters if re.match(f"[{UNSPACED}]", character)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], ""),
        (["Ada", "Byron", "."], "Ada Byron ."),
        ([*"王小明住在北京。"], "王小明住在北京。"),
        ([*"2020年", "A"], "2020年A"),
        (["苹果", "iPhone", "15", "Pro", "手机"], "苹果iPhone 15 Pro手机"),
        (["北京", "，", "“", "好", "”"], "北京，“好”"),
        (["กำ", "ที่"], "กำที่"),
        (["서울", "사람"], "서울 사람"),
    ],
)
def test_words_are_joined_as_their_script_writes_them(words, text):
    joined, offsets = join_words(words)
    assert joined == text
    assert [joined[start:end] for start, end in offsets] == words


def test_bounds_of_characters_keep_marks_with_their_base():
    assert unspaced_bounds("ab 王iที่") == {3, 4, 5, 8}


@pytest.mark.parametrize(
    ("sentences", "by_character"),
    [
        (["王 小 明", "I phone"], True),
        (["王 小 明 2 0 A"], True),
        (["ที่ กำ".replace("กำ", "ก ำ")], True),
        (["王 小 明 iPhone 15 手 机"], False),
        (["北京 好"], False),
        (["a b c"], False),
    ],
)
def test_words_of_one_character_are_recognized(sentences, by_character):
    lengths = WordLengths()
    for sentence in sentences:
        lengths.add(sentence.split())
    assert lengths.by_character is by_character


def test_longer_words_are_counted():
    lengths = WordLengths()
    lengths.add(["北京", "好", "上海", "iPhone"])
    assert lengths.notices[0].startswith("2 words of several characters, in scripts without spaces, such as '北京'")
