"""What is printed has no control characters, and no long values."""

import json
import re
import sys
import time
import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.errors import DataError, InterruptionError, RowIndexError, TextgraftError, warn
from textgraft.terminal.escaping import MAX_LINE, MAX_VALUE, printable, printable_json, printable_lines

# Format characters that scripts and emoji need, or that have a glyph.
NEEDED = {
    *"\u200c\u200d",
    *map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440))),
}

CONTROLS = {character for character in map(chr, range(sys.maxunicode + 1)) if printable(character) != character}


def test_all_controls_are_escaped_and_no_other_character():
    characters = map(chr, range(sys.maxunicode + 1))
    escaped = {character for character in characters if printable(character) != character}
    controls = {
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert controls - escaped <= NEEDED
    # Unassigned code points among tags and format characters.
    assert {unicodedata.category(character) for character in CONTROLS - controls} <= {"Cn"}
    assert not CONTROLS & NEEDED


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("two\nlines\r\tand\x85more\u2028", r"two\nlines\r\tand\x85more\u2028"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("👩\u200d🚀 ❤\ufe0f می\u200cخواهم é e\u0301 \\x1b", "👩\u200d🚀 ❤\ufe0f می\u200cخواهم é e\u0301 \\x1b"),
    ],
)
def test_controls_are_written_as_python_writes_them(text, line):
    assert printable(text) == line
    assert printable(line) == line


@given(st.text(st.characters(), max_size=300), st.integers(1, 40), st.sampled_from([60, MAX_VALUE, MAX_LINE]))
def test_any_text_becomes_a_short_line_that_remains_as_it_is(text, times, limit):
    line = printable(text * times, limit)
    assert len(line) <= limit
    assert not CONTROLS & set(line)
    assert printable(line, limit) == line
    if len(text * times) <= limit and not CONTROLS & set(text):
        assert line == text * times


def test_location_and_fix_remain_beside_long_values():
    values = {"label": "x" * 4_000_000, "name": "long name \x1b" * 100_000}
    for value in values.values():
        line = printable(f"reviews.csv, line 7: unknown label {value!r}; check the spelling")
        assert line.startswith("reviews.csv, line 7: unknown label ")
        assert line.endswith("; check the spelling")
        assert len(line) <= MAX_LINE
        assert "characters)..." in line
        assert "\x1b" not in line
        assert printable(line) == line
    names = {"first": "a" * 5_000, "second": "b c " * 6_000, "third": 'd " ' * 6_000}
    line = printable(
        f"a.csv: the model's {names['first']}, {names['second']!r} and {names['third']!r} are one; drop two"
    )
    assert re.findall(r"\(([\d,]+) characters\)", line) == ["5,001", "24,002", "24,002"]
    assert line.startswith("a.csv: the model's aaa")
    assert re.search(r"aaa, 'b c b c .* b c ' and 'd \" d .* d \" ' are one; drop two$", line)


def test_shortened_values_state_their_length():
    assert "...(4,000,000 characters)..." in printable("x" * 4_000_000, MAX_VALUE)
    assert len(printable("\x1b" * 190, MAX_VALUE)) <= MAX_VALUE
    assert "(190 characters)" in printable("\x1b" * 190, MAX_VALUE)
    assert printable("x" * MAX_VALUE, MAX_VALUE) == "x" * MAX_VALUE


def test_long_texts_are_shortened_in_time_that_grows_with_their_length():
    start = time.process_time()
    printable("\x1b ab" * 1_000_000)
    assert time.process_time() - start < 5  # quadratic time would be hours


def test_line_feeds_remain_in_lines():
    assert printable_lines("a\n\x1b[31mb\r\n") == "a\n\\x1b[31mb\\r\n"


def test_json_keeps_its_value():
    value = {"label": "\x1b\x9b\u202e\U000e0041é\n\udcff"}
    line = printable_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(line) == value
    assert printable(line) == line
    assert "é" in line


@pytest.mark.parametrize("error", [TextgraftError, *TextgraftError.__subclasses__(), RowIndexError])
def test_errors_are_one_printable_line(error):
    raised = error(f"a.csv\n: label \x1b]0;title\x07 {'x' * 10_000}; drop it")
    for shown in (str(raised), *raised.args):
        assert shown == printable(shown)
        assert len(shown) <= MAX_LINE
        assert shown.startswith(r"a.csv\n: label \x1b]0;title\x07 xxx")
        assert "xxx; drop it" in shown


def test_interruptions_and_warnings_are_printable():
    assert str(InterruptionError("stopped; \x1b[31m is complete", 2)) == r"stopped; \x1b[31m is complete"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("label \u202ea\nb")
    assert [str(warning.message) for warning in caught] == [r"label \u202ea\nb"]


def test_message_of_a_caught_error_is_not_escaped_again():
    assert str(DataError(f"a.csv: {DataError(chr(27))}")) == r"a.csv: \x1b"
