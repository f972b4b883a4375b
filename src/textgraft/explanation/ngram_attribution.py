"""The logits of an n-gram model, attributed to the words of a text.

The logits are linear in the weighted counts of n-grams, so this is exact: the share of each occurrence of an n-gram is
divided evenly among its words, and with the bias the shares of all words sum to the logits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textgraft.explanation.alignment import align
from textgraft.explanation.words import WordGroup
from textgraft.ngrams.model import NgramModel


class NgramAttributions(NamedTuple):
    """Attributions of words, float64 (words, width), and the logits of a text without n-grams, float64 (width,)."""

    words: np.ndarray
    bias: np.ndarray


def ngram_attributions(model: NgramModel, parts: Sequence[str], groups: Sequence[WordGroup]) -> NgramAttributions:
    """The part of each word of a single text in the logits of a model."""
    (text,) = parts
    contributions = model.word_contributions(text.encode())
    pieces = model.split([text[group.start : group.end].encode() for group in groups])
    words = np.zeros((len(groups), contributions.logits.shape[1]))
    if len(groups):
        np.add.at(words, align(pieces, contributions.words), contributions.logits)
    return NgramAttributions(words, np.asarray(model.bias, np.float64))
