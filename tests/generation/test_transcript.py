"""Bytes to text as they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.generation.transcript import Transcript


def pieces_of(text, sizes):
    """The bytes of a text in pieces of these sizes, and the rest."""
    content, start = text.encode(), 0
    for size in sizes:
        yield content[start : start + size]
        start += size
    yield content[start:]


def written(pieces, stop=()):
    transcript = Transcript(stop)
    parts = [transcript.add(piece) for piece in pieces]
    return transcript, [*parts, transcript.close()]


@given(st.text(), st.lists(st.integers(0, 3)))
def test_whole_characters_only(text, sizes):
    transcript, parts = written(pieces_of(text, sizes))
    assert "".join(parts) == transcript.text == text
    assert not transcript.stopped
    assert "\ufffd" not in "".join(parts) or "\ufffd" in text


def test_a_character_comes_with_its_last_byte():
    transcript = Transcript()
    assert [transcript.add(bytes([byte])) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_bytes_that_are_no_character():
    transcript, parts = written([b"a\xff", b"\xf0\x9f"])
    assert parts == ["a\ufffd", "", "\ufffd"]
    assert transcript.text == "a\ufffd\ufffd"


@given(st.text("abc", max_size=30), st.lists(st.integers(0, 3)), st.lists(st.text("abc", min_size=1), max_size=3))
def test_a_text_ends_before_the_first_stop_string(text, sizes, stop):
    transcript, parts = written(pieces_of(text, sizes), stop)
    # The first string that is complete decides; of those complete at once, the one that begins first.
    ends = [place + len(one) for one in stop if (place := text.find(one)) >= 0]
    assert transcript.stopped == bool(ends)
    assert "".join(parts) == transcript.text
    assert text.startswith(transcript.text)
    assert not any(one in transcript.text for one in stop)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_stop_string_that_comes_in_parts(size):
    text = "one\n\nUse\n\nUser: two"
    transcript, parts = written(pieces_of(text, [size] * 100), ["\n\nUser:"])
    assert transcript.text == "".join(parts) == "one\n\nUse"
    assert transcript.stopped


def test_what_may_begin_a_stop_string_is_held_back():
    transcript = Transcript(["###"])
    assert [transcript.add(piece) for piece in (b"a#", b"#b", b"##")] == ["a", "##b", ""]
    assert transcript.close() == "##"
    assert not transcript.stopped
