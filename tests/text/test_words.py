"""Words with offsets, and the rows they are packed into."""

import string

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.helpers.nasty_texts import NASTY
from textgraft.task_specs.token_classification import SPLITTINGS
from textgraft.text.words import WordGraph, Words, spaced, split, split_given

START, END, UNKNOWN = 101, 102, 100
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=5)


def arrays(texts, splitting="signs"):
    return Words(*(part.numpy() for part in split(tf.constant([text.encode() for text in texts]), splitting)))


def offsets(texts, splitting="signs"):
    """Start and end of each word by text."""
    words = arrays(texts, splitting)
    pairs = list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))
    ends = np.cumsum(words.lengths)
    return [pairs[end - length : end] for end, length in zip(ends, words.lengths, strict=True)]


def surfaces(text, splitting):
    return [text[start:end] for start, end in offsets([text], splitting)[0]]


@pytest.mark.parametrize(
    ("text", "signs", "edges"),
    [
        ("Mr. O'Neil (U.S.)", "Mr . O ' Neil ( U . S . )", "Mr . O'Neil ( U.S . )"),
        ("a-b  c\td", "a - b c d", "a-b c d"),
        ("\u6771\u4eac tower", "\u6771 \u4eac tower", "\u6771 \u4eac tower"),
        ("iPhone\u624b\u673a", "iPhone \u624b \u673a", "iPhone \u624b \u673a"),
        ("2020\u5e74U.S.\u306e", "2020 \u5e74 U . S . \u306e", "2020 \u5e74 U.S . \u306e"),
        ("\u30b5\u30fc\u30d0\u30fcX", "\u30b5 \u30fc \u30d0 \u30fc X", "\u30b5 \u30fc \u30d0 \u30fc X"),
        ("\u0e17\u0e35\u0e48\u0e01\u0e33a", "\u0e17\u0e35\u0e48 \u0e01 \u0e33 a", "\u0e17\u0e35\u0e48 \u0e01 \u0e33 a"),
        ("a\vb\x85c\u200bd\x1ce", "a b c d e", "a b c d e"),
        ("e\u0301te\u0301\U0001f600!", "e\u0301te\u0301 \U0001f600 !", "e\u0301te\u0301 \U0001f600 !"),
        ("$5\u00a0m", "$ 5 m", "$ 5 m"),
        ("", "", ""),
    ],
)
def test_punctuation_is_split_off_everywhere_or_at_edges(text, signs, edges):
    assert surfaces(text, "signs") == signs.split()
    assert surfaces(text, "edges") == edges.split()


def test_characters_are_words_with_their_marks():
    assert surfaces("e\u0301t 2.\u5e74", "characters") == ["e\u0301", "t", "2", ".", "\u5e74"]


def test_given_words_are_split_in_scripts_without_spaces():
    words = tf.constant([word.encode() for word in ("don't", "\u5317\u4eac", "A\u80a1", "\u00a0", "New York")])
    split_words = [part.numpy() for part in split_given(words, "edges")]
    assert [word.decode() for word in split_words[0]] == ["don't", *"\u5317\u4eacA\u80a1", "\u00a0", "New York"]
    assert split_words[3].tolist() == [1, 2, 2, 1, 1]
    assert split_given(words, "characters").lengths.numpy().tolist() == [5, 2, 2, 1, 8]


_SEPARATORS = [
    0x85,
    0x200B,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
    *range(0x1C, 0x20),
]
_WHITESPACE = string.whitespace + "".join(map(chr, _SEPARATORS))


@pytest.mark.parametrize("splitting", SPLITTINGS)
@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
@example(texts=NASTY)
def test_words_cover_all_of_a_text_but_white_space(splitting, texts):
    words = iter(arrays(texts, splitting).words)
    for text, pairs in zip(texts, offsets(texts, splitting), strict=True):
        uncovered, previous_end = "", 0
        for start, end in pairs:
            assert previous_end <= start < end
            assert text[start:end].replace("\0", "\ufffe").encode() == next(words)
            uncovered += text[previous_end:start]
            previous_end = end
        assert not (uncovered + text[previous_end:]).strip(_WHITESPACE)


def test_words_after_a_space_or_at_the_start_are_spaced():
    words = arrays(["one two-three", "", "four. five"])
    assert spaced(*words[1:]).numpy().tolist() == [True, True, False, False, True, False, True]


def graph(sequence_length, start=START, end=END):
    """With a tokenizer whose tokens are letters."""

    def pieces(words, _):
        letters = tf.strings.unicode_decode(words, "UTF-8")
        return tf.cast(letters, tf.int32)

    return WordGraph(pieces, start, end, UNKNOWN, sequence_length)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, room=st.integers(1, 30), ends=st.booleans())
def test_each_word_belongs_to_one_row_which_has_its_first_token(texts, room, ends):
    words = arrays(texts)
    tensors = Words(tf.constant(words.words, tf.string), *map(tf.constant, words[1:]))
    added = 2 * ends
    packed = graph(room + added, *((START, END) if ends else (None, None))).pack(tensors)
    assert packed.rows.shape == (len(texts),)
    assert int(packed.token_ids.row_lengths().numpy().max()) <= room + added
    rows = [
        (row, position)
        for row, positions in zip(packed.token_ids.to_list(), packed.positions.to_list(), strict=True)
        for position in positions
    ]
    assert len(rows) == len(words.words)
    word_texts = np.repeat(np.arange(len(texts)), words.lengths)
    row_texts = np.repeat(np.arange(len(texts)), packed.rows.numpy())
    np.testing.assert_array_equal(np.repeat(row_texts, packed.positions.row_lengths().numpy()), word_texts)
    for word, (row, position) in zip(words.words, rows, strict=True):
        assert row[position] == (ord(word.decode()[0]) if word else UNKNOWN)


def test_rows_have_all_tokens_and_overlap_by_a_quarter():
    words = arrays([" ".join("abcdefghijklmnop")])
    packed = graph(10).pack(Words(tf.constant(words.words, tf.string), *map(tf.constant, words[1:])))
    rows = ["".join(map(chr, row[1:-1])) for row in packed.token_ids.to_list()]
    assert rows == ["abcdefgh", "ghijklmn", "mnop"]
    positions = packed.positions.to_list()
    words_of_rows = ["".join(row[position - 1] for position in row_positions)
                     for row, row_positions in zip(rows, positions, strict=True)]  # fmt: skip
    assert words_of_rows == ["abcdefg", "hijklm", "nop"]
