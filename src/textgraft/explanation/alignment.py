"""The word that each token of a text comes from."""

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from itertools import chain

import numpy as np

# Tokens up to which all equal runs are compared: the time grows with their square.
_MAX_EXACT = 2000


def align(pieces: Sequence[Sequence[Hashable]], tokens: Sequence[Hashable]) -> np.ndarray:
    """The index of the word of each token of a text, int64 (tokens,).

    Words are split separately into `pieces`. Their concatenation mostly equals the tokens of the text; where it does
    not, since cleaning changes several words at once or a token has white space, equal runs of tokens are matched, and
    tokens between two runs are spread evenly over the words between them.

    Args:
        pieces: tokens of each word, at least one word where there are tokens.
        tokens: those of the text.
    """
    words = np.repeat(np.arange(len(pieces)), [len(word) for word in pieces])
    flat = list(chain.from_iterable(pieces))
    if flat == list(tokens):
        return words
    if not flat:
        return np.zeros(len(tokens), np.int64)
    positions = np.empty(len(tokens), np.int64)
    is_long = len(tokens) > _MAX_EXACT  # frequent tokens are then matched beside rare ones only
    matcher = SequenceMatcher(None, flat, list(tokens), autojunk=is_long)
    for _, first, last, start, end in matcher.get_opcodes():
        spread = first + np.arange(end - start) * max(1, last - first) // max(1, end - start)
        positions[start:end] = spread
    return words[np.minimum(positions, len(flat) - 1)]
