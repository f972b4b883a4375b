"""Graph ops on strings and ragged rows, and regular expressions of Unicode classes.

The classes are those of the `tokenizers` library, whatever Unicode version Python or RE2 follows;
tools/make_unicode_classes.py writes unicode_classes.json: for each class, spans in hexadecimal such as "41-5a aa".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

UNICODE_CLASSES: Mapping[str, str] = json.loads(Path(__file__).with_name("unicode_classes.json").read_text("ascii"))

# Capital I with a dot; capital sigma; I with grave, acute, tilde and ogonek.
_SPECIAL_CASES = {"\u0130": "i\u0307", "\u03a3": "\u03c3", "\u00cc": "\u00ec", "\u00cd": "\u00ed"}
_SPECIAL_CASES |= {"\u0128": "\u0129", "\u012e": "\u012f"}


def lower(texts: tf.Tensor) -> tf.Tensor:
    """Lower-case each character by itself, as the reference tokenizers do.

    TensorFlow's Unicode lower-casing depends on the locale of the process (a Turkish one turns I into a dotless i, a
    Lithuanian one adds dots) and on the position of a sigma in its word. So ASCII is lower-cased first, byte by byte,
    and other such characters are replaced. TensorFlow also ends a text at its first NUL, so NULs are deleted.
    """
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", ""))
    for capital, small in _SPECIAL_CASES.items():
        texts = tf.strings.regex_replace(texts, capital, small)
    return tf.strings.lower(texts, encoding="utf-8")


def strip_before(texts: tf.Tensor, tokens: Iterable[str]) -> tf.Tensor:
    """Delete the white space before tokens."""
    pattern = "|".join(map(escaped, tokens))
    return tf.strings.regex_replace(texts, f"[{regex_class('spaces')}]+({pattern})", r"\1")


def escaped(token: str) -> str:
    """An RE2 pattern that matches a token literally."""
    return "".join(f"\\{character}" if character in "[](){}.*+?^$|\\" else character for character in token)


def regex_class(name: str) -> str:
    """One of `UNICODE_CLASSES` as the inside of a character class of RE2."""
    spans = UNICODE_CLASSES[name].split()
    return "".join("-".join(f"\\x{{{code}}}" for code in span.split("-")) for span in spans)


def characters_of(pattern: str) -> str:
    """The characters that an RE2 pattern matches as the inside of a character class of Python's `re`."""
    codes = np.array([code for code in range(0x110000) if not 0xD800 <= code < 0xE000], np.int32)
    characters = tf.strings.unicode_encode(codes[:, np.newaxis], "UTF-8")
    matching = codes[tf.strings.regex_full_match(characters, pattern).numpy()]
    borders = np.flatnonzero(np.diff(matching) > 1)
    starts, ends = matching[np.append(0, borders + 1)], matching[np.append(borders, len(matching) - 1)]
    return "".join(f"\\U{start:08x}-\\U{end:08x}" for start, end in zip(starts, ends, strict=True))


def python_pattern(pattern: str) -> str:
    r"""An RE2 pattern for Python's `re`: \pM*, and \pP and \pS inside a class, are listed by code points."""
    for name, form in ((r"\pM*", "[{}]*"), (r"\pP", "{}"), (r"\pS", "{}")):
        if name in pattern:
            pattern = pattern.replace(name, form.format(characters_of(name.removesuffix("*"))))
    return pattern


def lower_case_map() -> dict[str, str]:
    """What `lower` makes of each character that it changes."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    lowered = [text.decode() for text in lower(tf.constant(characters)).numpy()]
    return {character: small for character, small in zip(characters, lowered, strict=True) if character != small}


def row_ids(lengths: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The row of each of `count` values from the lengths (n,) of rows; int64 (count,).

    Cheaper than `RaggedTensor.value_rowids`, whose cost is rows times longest row.
    """
    return tf.searchsorted(tf.cumsum(tf.cast(lengths, tf.int32)), tf.range(count), side="right", out_type=tf.int64)


def join_rows(pieces: Sequence[tf.RaggedTensor]) -> tf.RaggedTensor:
    """Concatenate ragged tensors (n, None) row by row; `tf.concat` takes several times as many ops."""
    lengths = [piece.row_lengths() for piece in pieces]
    row_lengths = tf.add_n(lengths)
    start, indices = tf.cumsum(row_lengths, exclusive=True), []
    for length in lengths:
        indices.append(tf.cast(tf.ragged.range(start, start + length).values, tf.int32))
        start += length
    values = tf.dynamic_stitch(indices, [piece.values for piece in pieces])
    return tf.RaggedTensor.from_row_lengths(values, row_lengths, validate=False)
