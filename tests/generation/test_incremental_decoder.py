"""Token bytes become text at character boundaries, and stop strings never appear in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.generation.row import IncrementalDecoder


def split_bytes(text, sizes):
    """The bytes of a text in pieces of these sizes, and the remainder."""
    content, start = text.encode(), 0
    for size in sizes:
        yield content[start : start + size]
        start += size
    yield content[start:]


def decode(pieces, stop=()):
    decoder = IncrementalDecoder(stop)
    parts = [decoder.add(piece) for piece in pieces]
    return decoder, [*parts, decoder.flush()]


@given(st.text(), st.lists(st.integers(0, 3)))
def test_pieces_end_at_character_boundaries(text, sizes):
    decoder, parts = decode(split_bytes(text, sizes))
    assert "".join(parts) == decoder.text == text
    assert not decoder.stopped
    assert "\ufffd" not in "".join(parts) or "\ufffd" in text


def test_character_is_returned_with_its_last_byte():
    decoder = IncrementalDecoder()
    assert [decoder.add(bytes([byte])) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_invalid_bytes_become_replacement_characters():
    decoder, parts = decode([b"a\xff", b"\xf0\x9f"])
    assert parts == ["a\ufffd", "", "\ufffd"]
    assert decoder.text == "a\ufffd\ufffd"


@given(st.text("abc", max_size=30), st.lists(st.integers(0, 3)), st.lists(st.text("abc", min_size=1), max_size=3))
def test_text_ends_before_the_first_stop_string(text, sizes, stop):
    decoder, parts = decode(split_bytes(text, sizes), stop)
    # The stop string that is complete first decides; among several, the one that starts first.
    ends = [offset + len(string) for string in stop if (offset := text.find(string)) >= 0]
    assert decoder.stopped == bool(ends)
    assert "".join(parts) == decoder.text
    assert text.startswith(decoder.text)
    assert not any(string in decoder.text for string in stop)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_stop_string_is_found_across_pieces(size):
    text = "one\n\nUse\n\nUser: two"
    decoder, parts = decode(split_bytes(text, [size] * 100), ["\n\nUser:"])
    assert decoder.text == "".join(parts) == "one\n\nUse"
    assert decoder.stopped


def test_possible_start_of_a_stop_string_is_held_back():
    decoder = IncrementalDecoder(["###"])
    assert [decoder.add(piece) for piece in (b"a#", b"#b", b"##")] == ["a", "##b", ""]
    assert decoder.flush() == "##"
    assert not decoder.stopped
