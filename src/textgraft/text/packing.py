"""Texts to the rows of a network, as graph ops: special tokens, truncation, windows, padding, mask and segment ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import tensorflow as tf

from textgraft.errors import ConfigError
from textgraft.text.ops import join_rows
from textgraft.text.truncation import WINDOWS
from textgraft.text.windows import split_windows


class PairRows(NamedTuple):
    """Token ids of rows, int32 ragged (b, None), and number of tokens in segment 0, int64 (b,)."""

    token_ids: tf.RaggedTensor
    first_lengths: tf.Tensor


class Packed(NamedTuple):
    """Rows before padding.

    Attributes:
        token_ids: int32 ragged (n, None), or (n, None, None) for windows of texts.
        first_lengths: int64, tokens in segment 0 of each row or window, special tokens included.
        dropped: int32 (n,), number of tokens lost to truncation.
    """

    token_ids: tf.RaggedTensor
    first_lengths: tf.Tensor
    dropped: tf.Tensor


@dataclass(frozen=True)
class TextGraph:
    """All graph ops between strings and rows, shared by training, prediction and serving.

    Attributes:
        cleaning: string (n,) -> string (n,).
        tokenize: string (n,) -> int32 ragged (n, None).
        start: id before the first segment, or None.
        end: id after each segment, or None.
        pad_id: id after the end of a row.
        sequence_length: maximum tokens per row, special tokens included; None for no limit.
        truncation: one of `truncation.TRUNCATIONS`.
        separators: number of `end` ids between the texts of a pair.
        segments: whether the second text of a pair is in segment 1; otherwise all is in segment 0.
    """

    cleaning: Callable[[tf.Tensor], tf.Tensor]
    tokenize: Callable[[tf.Tensor], tf.RaggedTensor]
    start: int | None
    end: int | None
    pad_id: int
    sequence_length: int | None
    truncation: str = "head"
    separators: int = 1
    segments: bool = True

    def pack(self, *texts: tf.Tensor) -> Packed:
        """Convert texts, one or two string tensors (n,), to rows: start, first, end[, ..., second, end].

        As in the reference tokenizers, the longer segment of a pair loses tokens first.

        Raises:
            ConfigError: for windows of pairs.
        """
        segments = [self.tokenize(self.cleaning(part)) for part in texts]
        lengths = [segment.row_lengths() for segment in segments]
        dropped = tf.zeros_like(lengths[0], tf.int32)
        if self.sequence_length is not None:
            ends = len(segments) + (self.separators - 1) * (len(segments) - 1)
            max_tokens = self.sequence_length - (self.start is not None) - ends * (self.end is not None)
            if self.truncation == WINDOWS:
                return self._pack_windows(segments, max_tokens)
            new_lengths = _longest_first(lengths, max(max_tokens, 0))
            keep_tail = self.truncation == "head+tail"
            segments = [_truncate(segment, to, keep_tail) for segment, to in zip(segments, new_lengths, strict=True)]
            dropped = tf.cast(tf.add_n(lengths) - tf.add_n(new_lengths), tf.int32)
        rows = add_special(segments, self.start, self.end, self.separators)
        return Packed(rows.token_ids, rows.first_lengths if self.segments else rows.token_ids.row_lengths(), dropped)

    def _pack_windows(self, segments: Sequence[tf.RaggedTensor], window: int) -> Packed:
        if len(segments) > 1:
            raise ConfigError("truncation 'windows' does not support text pairs; choose head or head+tail")
        lengths = segments[0].row_lengths()
        counts, indices = split_windows(lengths, window)
        windows, window_lengths = add_special([tf.gather(segments[0].values, indices)], self.start, self.end)
        token_ids = tf.RaggedTensor.from_row_lengths(windows, counts, validate=False)
        return Packed(token_ids, window_lengths, tf.zeros_like(lengths, tf.int32))

    @cached_property
    def compiled(self) -> Callable[[tf.Tensor], Packed]:
        """`pack` for single texts (n,), traced once."""
        signature = [tf.TensorSpec([None], tf.string)]
        return tf.function(self.pack, input_signature=signature, autograph=False)  # type: ignore[no-any-return]

    @cached_property
    def compiled_pairs(self) -> Callable[[tf.Tensor], Packed]:
        """`pack` for pairs (n, 2), traced once."""
        return tf.function(  # type: ignore[no-any-return]
            lambda pairs: self.pack(*tf.unstack(pairs, axis=1)),
            input_signature=[tf.TensorSpec([None, 2], tf.string)],
            autograph=False,
        )


def add_special(
    segments: Sequence[tf.RaggedTensor], start: int | None, end: int | None, separators: int = 1
) -> PairRows:
    """Rows of one or two segments, int32 ragged (n, None), and special tokens; see `TextGraph`."""
    rows, pieces, first_pieces = segments[0].nrows(), [], 0  # first_pieces: pieces of segment 0
    for index, segment in enumerate(segments):
        before = [_column(start, rows)] if index == 0 and start is not None else []
        ends = separators if index < len(segments) - 1 else 1
        after = [_column(end, rows)] * ends if end is not None else []
        pieces += [*before, segment, *after]
        first_pieces = first_pieces if index else len(pieces)
    first_lengths = tf.add_n([piece.row_lengths() for piece in pieces[:first_pieces]])
    return PairRows(join_rows(pieces), first_lengths)


def pad_rows(rows: tf.RaggedTensor | PairRows, pad_id: int) -> dict[str, tf.Tensor]:
    """Pad rows, int32 ragged (b, None) or those of pairs, to the longest of the batch.

    Returns:
        {"token_ids", "padding_mask", "segment_ids"}, each int32 (b, t) with t at least 1.
    """
    token_ids = ids_of(rows).to_tensor(pad_id)
    missing = tf.maximum(1 - tf.shape(token_ids)[1], 0)  # 1 when every row is empty
    token_ids = tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=pad_id)
    length = tf.shape(token_ids)[1]
    mask = tf.sequence_mask(ids_of(rows).row_lengths(), length, dtype=tf.int32)
    segment_ids = tf.zeros_like(token_ids)
    if isinstance(rows, PairRows):
        positions = tf.range(length, dtype=rows.first_lengths.dtype)
        segment_ids = tf.cast(positions >= rows.first_lengths[:, tf.newaxis], tf.int32) * mask
    return {"token_ids": token_ids, "padding_mask": mask, "segment_ids": segment_ids}


def ids_of(rows: tf.RaggedTensor | PairRows) -> tf.RaggedTensor:
    """Token ids of rows of single texts or of pairs, int32 ragged (b, None)."""
    return rows.token_ids if isinstance(rows, PairRows) else rows


def _longest_first(lengths: Sequence[tf.Tensor], max_tokens: int) -> list[tf.Tensor]:
    """Lengths (n,) of the segments after truncation to `max_tokens` tokens together."""
    if len(lengths) == 1:
        return [tf.minimum(lengths[0], max_tokens)]
    shorter = tf.minimum(*lengths)
    longer = tf.minimum(tf.maximum(*lengths), tf.maximum(shorter, max_tokens - shorter))
    is_halved = shorter + longer > max_tokens
    shorter = tf.where(is_halved, tf.cast(max_tokens // 2, shorter.dtype), shorter)
    longer = tf.where(is_halved, tf.cast(max_tokens - max_tokens // 2, longer.dtype), longer)
    first_is_longer = lengths[0] > lengths[1]
    return [tf.where(first_is_longer, longer, shorter), tf.where(first_is_longer, shorter, longer)]


def _truncate(segment: tf.RaggedTensor, lengths: tf.Tensor, keep_tail: bool) -> tf.RaggedTensor:
    """Shorten each row to `lengths` (n,); with `keep_tail`, half of them from its end."""
    starts, ends = segment.row_starts(), segment.row_limits()
    tails = lengths // 2 if keep_tail else tf.zeros_like(lengths)
    indices = tf.ragged.range(starts, starts + lengths - tails)
    if keep_tail:
        indices = join_rows([indices, tf.ragged.range(ends - tails, ends)])
    return indices.with_values(tf.gather(segment.values, indices.values))


def _column(token_id: int, rows: tf.Tensor) -> tf.RaggedTensor:
    values = tf.fill([rows], tf.cast(token_id, tf.int32))
    return tf.RaggedTensor.from_row_splits(values, tf.range(rows + 1), validate=False)
