"""The rows of tokens of a text, as a model packs them, with the word of each token."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.explanation.alignment import align
from textgraft.explanation.words import WordGroup
from textgraft.tasks.text_classification import TextClassifier
from textgraft.text.packing import TextGraph

_SPECIAL = -1  # the index of special tokens


class TextRows(NamedTuple):
    """The row of a text, or its windows.

    Attributes:
        token_ids: int32 (t,) each.
        words: the index of the word of each token, int64 (t,) each; -1 for special tokens.
        first_lengths: tokens in segment 0 of each.
    """

    token_ids: list[np.ndarray]
    words: list[np.ndarray]
    first_lengths: list[int]


def text_rows(model: TextClassifier, parts: Sequence[str], groups: Sequence[WordGroup]) -> TextRows:
    """The rows of a text, or of both texts of a pair, whose words are given."""
    graph, backbone = model.text_graph, model.backbone
    pieces = [backbone.tokenize(graph.cleaning(tf.constant([part.encode()]))) for part in parts]
    words = np.concatenate(
        [_words_of_tokens(model, part, text, groups, pieces[part]) for part, text in enumerate(parts)]
    )
    lengths = np.array([int(piece.row_lengths()[0]) for piece in pieces])
    starts = np.cumsum(lengths) - lengths
    indices = [
        tf.RaggedTensor.from_row_lengths(np.arange(start, start + length, dtype=np.int32), [length])
        for start, length in zip(starts, lengths, strict=True)
    ]
    packer = replace(graph, cleaning=_unchanged, tokenize=_unchanged)
    packed = packer.pack(*pieces)
    token_ids, positions = _rows_in(packed.token_ids), _rows_in(_marking_special(packer).pack(*indices).token_ids)
    padded = np.append(words, _SPECIAL)  # the last item is that of the index -1
    rows = TextRows(token_ids, [padded[row] for row in positions], packed.first_lengths.numpy().tolist())
    return _without_unknown(rows, backbone.special_tokens.unknown) if backbone.ignores_unknown else rows


def _words_of_tokens(
    model: TextClassifier, part: int, text: str, groups: Sequence[WordGroup], tokens: tf.RaggedTensor
) -> np.ndarray:
    """The index of the word of each token of one of the texts, int64 (tokens,)."""
    indices = [index for index, group in enumerate(groups) if group.part == part]
    if not indices:
        return np.full(tokens.values.shape[0], _SPECIAL)
    bounds = [groups[index] for index in indices]
    words = tf.constant([text[group.start : group.end].encode() for group in bounds])
    spaced = tf.constant([True, *(before.end < word.start for before, word in pairwise(bounds))])
    pieces = model.backbone.tokenize_words(model.text_graph.cleaning(words), spaced)
    words_of_part = align(pieces.to_list(), tokens.values.numpy().tolist())
    result: np.ndarray = np.array(indices, np.int64)[words_of_part]
    return result


def _marking_special(graph: TextGraph) -> TextGraph:
    """A graph that packs indices of tokens in place of ids."""
    start, end = (None if token is None else _SPECIAL for token in (graph.start, graph.end))
    return replace(graph, start=start, end=end)


def _rows_in(token_ids: tf.RaggedTensor) -> list[np.ndarray]:
    rows = token_ids.values if token_ids.ragged_rank > 1 else token_ids
    return np.split(rows.values.numpy(), np.cumsum(rows.row_lengths())[:-1])


def _without_unknown(rows: TextRows, unknown: int) -> TextRows:
    is_known = [row != unknown for row in rows.token_ids]
    token_ids, words = (
        [row[known] for row, known in zip(arrays, is_known, strict=True)] for arrays in (rows.token_ids, rows.words)
    )
    return rows._replace(token_ids=token_ids, words=words, first_lengths=[len(row) for row in token_ids])


def _unchanged(texts: tf.RaggedTensor) -> tf.RaggedTensor:
    return texts
