"""Classes of code points as the `tokenizers` library defines them, whatever Unicode version Python or RE2 follows.

tools/make_unicode_classes.py writes unicode_classes.json: for each class, spans in hexadecimal such as "41-5a aa".
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from textgraft.text.ops import escaped

SPANS: Mapping[str, str] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="ascii"))


class CodePointTable:
    """A map from code points to flags that takes a run of equal flags as one entry."""

    def __init__(self, flags: np.ndarray) -> None:
        """Find the runs.

        Args:
            flags: int32 (0x110000,).
        """
        starts = np.flatnonzero(np.diff(flags, prepend=-1))
        self._starts, self._flags = tf.constant(starts, tf.int32), tf.constant(flags[starts])

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """Flags of code points; int32 (c,) to int32 (c,)."""
        return tf.gather(self._flags, tf.searchsorted(self._starts, codes, side="right") - 1)


def class_flags(flags: Mapping[str, int]) -> np.ndarray:
    """Flags of all code points, int32 (0x110000,), from the flag of each class in `SPANS`."""
    table = np.zeros(0x110000, np.int32)
    for name, flag in flags.items():
        for span in SPANS[name].split():
            first, _, last = span.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] |= flag
    return table


def regex_class(name: str) -> str:
    """A class in `SPANS` as the inside of a character class of RE2."""
    return "".join("-".join(f"\\x{{{code}}}" for code in span.split("-")) for span in SPANS[name].split())


def strip_before(texts: tf.Tensor, tokens: Iterable[str]) -> tf.Tensor:
    """Delete the white space before tokens."""
    pattern = "|".join(map(escaped, tokens))
    return tf.strings.regex_replace(texts, f"[{regex_class('spaces')}]+({pattern})", r"\1")
