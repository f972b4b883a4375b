"""Token ids to the rows of a network, as graph ops: special tokens, truncation, padding, mask and segment ids."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from textgraft.text.truncation import OVERLAP_DIVISOR


class PairRows(NamedTuple):
    """Packed rows of pairs.

    Attributes:
        token_ids: int32 ragged (b, None).
        first_lengths: int64 (b,), number of tokens of segment 0 in each row; the others are of segment 1.
    """

    token_ids: tf.RaggedTensor
    first_lengths: tf.Tensor


class Packed(NamedTuple):
    """Rows before padding.

    Attributes:
        token_ids: int32 ragged (n, None).
        segment_ids: int32 ragged (n, None): 0 in the first segment, 1 in the second.
        dropped: int32 (n,), number of tokens lost to truncation.
    """

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor
    dropped: tf.Tensor


def pack(
    segments: Sequence[tf.RaggedTensor],
    start: int | None,
    end: int | None,
    sequence_length: int | None,
    truncation: str = "head",
    separators: int = 1,
) -> Packed:
    """Join one or two segments into rows: start, first, end[, second, end].

    Truncation is "longest first", as in the reference tokenizers: the longer segment loses tokens first.

    Args:
        segments: one or two int32 ragged tensors (n, None).
        start: id before the first segment, or None.
        end: id after each segment, or None.
        sequence_length: maximum tokens per row, special tokens included; None for no limit.
        truncation: "head" or "head+tail".
        separators: number of `end` ids between two segments.
    """
    between = separators if len(segments) > 1 else 1
    lengths = [segment.row_lengths() for segment in segments]
    dropped = tf.zeros_like(lengths[0])
    if sequence_length is not None:
        special = (start is not None) + (len(segments) + between - 1) * (end is not None)
        kept = _longest_first(lengths, max(sequence_length - special, 0))
        tails = [length // 2 if truncation == "head+tail" else tf.zeros_like(length) for length in kept]
        segments = [_truncate(*arguments) for arguments in zip(segments, kept, tails, strict=True)]
        dropped = tf.add_n([before - after for before, after in zip(lengths, kept, strict=True)])
    rows, pieces, segment_ids = segments[0].nrows(), [], []
    for index, segment in enumerate(segments):
        before = [_column(start, rows)] if index == 0 and start is not None else []
        after = [_column(end, rows)] * (between if index == 0 else 1) if end is not None else []
        for piece in (*before, segment, *after):
            pieces.append(piece)
            segment_ids.append(piece.with_values(tf.fill(tf.shape(piece.values), index)))
    return Packed(tf.concat(pieces, axis=1), tf.concat(segment_ids, axis=1), tf.cast(dropped, tf.int32))


def pack_windows(tokens: tf.RaggedTensor, start: int | None, end: int | None, sequence_length: int) -> Packed:
    """Split texts into overlapping windows, each a row with special tokens; the last one of a text may be shorter.

    Args:
        tokens: int32 ragged (n, None).
        start: id before each window, or None.
        end: id after each window, or None.
        sequence_length: maximum tokens per window, special tokens included; at least `truncation.MIN_WINDOW`.

    Returns:
        token_ids and segment_ids, int32 ragged (n, None, None): windows of texts; nothing is dropped.
    """
    window = sequence_length - (start is not None) - (end is not None)
    step = window - window // OVERLAP_DIVISOR
    lengths = tokens.row_lengths()
    counts = 1 + tf.maximum((lengths - window + step - 1) // step, 0)
    text_ids = tf.repeat(tf.range(tokens.nrows()), counts)
    window_index = tf.range(tf.size(text_ids, tf.int64)) - tf.gather(tf.cumsum(counts, exclusive=True), text_ids)
    offset = step * window_index
    first = tf.gather(tokens.row_starts(), text_ids) + offset
    indices = tf.ragged.range(first, first + tf.minimum(tf.gather(lengths, text_ids) - offset, window))
    rows = pack([indices.with_values(tf.gather(tokens.values, indices.values))], start, end, None)
    token_ids, segment_ids = (tf.RaggedTensor.from_row_lengths(part, counts, validate=False) for part in rows[:2])
    return Packed(token_ids, segment_ids, tf.zeros_like(lengths, tf.int32))


def pad(token_ids: tf.RaggedTensor, segment_ids: tf.RaggedTensor | None, pad_id: int) -> dict[str, tf.Tensor]:
    """Pad rows to the longest of the batch.

    Args:
        token_ids: int32 ragged (b, None).
        segment_ids: int32 ragged (b, None), or None for one segment.
        pad_id: id that fills the rows.

    Returns:
        {"token_ids", "padding_mask", "segment_ids"}, each int32 (b, t) with t at least 1.
    """
    dense = _dense(token_ids, pad_id)
    mask = tf.sequence_mask(token_ids.row_lengths(), tf.shape(dense)[1], dtype=tf.int32)
    segments = tf.zeros_like(dense) if segment_ids is None else _dense(segment_ids, 0)
    return {"token_ids": dense, "padding_mask": mask, "segment_ids": segments}


def pad_rows(rows: tf.RaggedTensor | PairRows, pad_id: int) -> dict[str, tf.Tensor]:
    """`pad` for rows of single texts, int32 ragged (b, None), or of pairs."""
    inputs = pad(ids_of(rows), None, pad_id)
    if not isinstance(rows, PairRows):
        return inputs
    position = tf.range(tf.shape(inputs["token_ids"])[1], dtype=rows.first_lengths.dtype)
    is_second = tf.cast(position >= rows.first_lengths[:, tf.newaxis], tf.int32)  # (b, t)
    return {**inputs, "segment_ids": is_second * inputs["padding_mask"]}


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


def _truncate(segment: tf.RaggedTensor, kept: tf.Tensor, tails: tf.Tensor) -> tf.RaggedTensor:
    """Keep `kept` (n,) tokens of each row, `tails` (n,) of them from its end."""
    # On the flat values: comparing ragged tensors takes most of a second to trace.
    rows = segment.value_rowids()
    position = tf.range(tf.size(segment.values, rows.dtype)) - tf.gather(segment.row_starts(), rows)
    in_head = position < tf.gather(kept - tails, rows)
    in_tail = position >= tf.gather(segment.row_lengths() - tails, rows)
    values = tf.boolean_mask(segment.values, tf.logical_or(in_head, in_tail))
    return tf.RaggedTensor.from_row_lengths(values, kept, validate=False)


def _dense(rows: tf.RaggedTensor, fill: int) -> tf.Tensor:
    dense = rows.to_tensor(fill)
    missing = tf.maximum(1 - tf.shape(dense)[1], 0)  # 1 when every row is empty
    return tf.pad(dense, [[0, 0], [0, missing]], constant_values=fill)


def _column(token_id: int | None, rows: tf.Tensor) -> tf.RaggedTensor:
    values = tf.fill([rows], tf.cast(token_id, tf.int32))
    return tf.RaggedTensor.from_row_splits(values, tf.range(rows + 1), validate=False)
