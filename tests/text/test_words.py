"""Words and where they stand, and the rows they become."""

import string

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.nasty_texts import NASTY
from textgraft.text.words import SPLITTING, WordGraph, Words, spaced, split

START, END, UNKNOWN = 101, 102, 100
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=5)


def arrays(texts, splitting="signs"):
    return Words(*(part.numpy() for part in split(tf.constant([text.encode() for text in texts]), splitting)))


def places(texts, splitting="signs"):
    """For each text, where its words begin and end."""
    words, first, found = arrays(texts, splitting), 0, []
    for length in words.lengths:
        part = slice(first, first + length)
        found.append(list(zip(words.starts[part].tolist(), words.ends[part].tolist(), strict=True)))
        first += length
    return found


def surfaces(text, splitting):
    return [text[start:end] for start, end in places([text], splitting)[0]]


@pytest.mark.parametrize(
    ("text", "signs", "edges"),
    [
        ("Mr. O'Neil (U.S.)", "Mr . O ' Neil ( U . S . )", "Mr . O'Neil ( U.S . )"),
        ("a-b  c\td", "a - b c d", "a-b c d"),
        ("\u6771\u4eac tower", "\u6771 \u4eac tower", "\u6771\u4eac tower"),
        ("e\u0301te\u0301\U0001f600!", "e\u0301te\u0301 \U0001f600 !", "e\u0301te\u0301 \U0001f600 !"),
        ("$5\u00a0m", "$ 5 m", "$ 5 m"),
        ("", "", ""),
    ],
)
def test_what_a_word_is(text, signs, edges):
    assert surfaces(text, "signs") == signs.split()
    assert surfaces(text, "edges") == edges.split()


@pytest.mark.parametrize("splitting", SPLITTING)
@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_offsets_are_code_points_and_nothing_but_space_is_left_out(splitting, texts):
    words = arrays(texts, splitting)
    first = 0
    for text, found in zip(texts, places(texts, splitting), strict=True):
        left, end = "", 0
        for number, (start, stop) in enumerate(found):
            assert text[start:stop].replace("\0", "\ufffe").encode() == words.words[first + number]
            left += text[end:start]
            end = stop
        assert not (left + text[end:]).strip(string.whitespace + "".join(map(chr, _SEPARATORS)))
        first += len(found)


_SEPARATORS = [0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, *range(0x1C, 0x20)]


def test_which_words_a_space_is_before():
    words = arrays(["one two-three", "", "four. five"])
    assert spaced(*words[1:]).numpy().tolist() == [True, True, False, False, True, False, True]


def graph(sequence_length, start=START, end=END):
    """A tokenizer that gives each letter of a word a piece."""

    def pieces(words, _):
        letters = tf.strings.unicode_decode(words, "UTF-8")
        return tf.cast(letters, tf.int32)

    return WordGraph(pieces, start, end, UNKNOWN, sequence_length)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, room=st.integers(1, 30), ends=st.booleans())
def test_each_word_has_one_row_and_its_first_piece_stands_there(texts, room, ends):
    words = arrays(texts)
    tensors = Words(tf.constant(words.words, tf.string), *map(tf.constant, words[1:]))
    added = 2 * ends
    packed = graph(room + added, *((START, END) if ends else (None, None))).pack(tensors)
    assert packed.rows.shape == (len(texts),)
    assert int(packed.token_ids.row_lengths().numpy().max()) <= room + added
    rows = [
        (row, place)
        for row, found in zip(packed.token_ids.to_list(), packed.positions.to_list(), strict=True)
        for place in found
    ]
    assert len(rows) == len(words.words)
    owners = np.repeat(np.arange(len(texts)), words.lengths)
    row_owners = np.repeat(np.arange(len(texts)), packed.rows.numpy())
    spoken = np.repeat(row_owners, packed.positions.row_lengths().numpy())
    np.testing.assert_array_equal(spoken, owners)
    for word, (row, place) in zip(words.words, rows, strict=True):
        assert row[place] == (ord(word.decode()[0]) if word else UNKNOWN)


def test_windows_hold_all_pieces_and_overlap_by_a_quarter():
    words = arrays([" ".join("abcdefghijklmnop")])
    packed = graph(10).pack(Words(tf.constant(words.words, tf.string), *map(tf.constant, words[1:])))
    rows = ["".join(map(chr, row[1:-1])) for row in packed.token_ids.to_list()]
    assert rows == ["abcdefgh", "ghijklmn", "mnop"]
    spoken = ["".join(rows[n][place - 1] for place in found) for n, found in enumerate(packed.positions.to_list())]
    assert spoken == ["abcdefg", "hijklm", "nop"]


def test_nasty_texts_are_split_without_loss():
    for splitting in SPLITTING:
        for text, found in zip(NASTY, places(NASTY, splitting), strict=True):
            assert all(start < end for start, end in found)
            assert found == sorted(found), text
