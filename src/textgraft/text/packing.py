"""Token ids to the rows a network takes: special tokens, truncated, padding, mask, segment ids; as graph ops."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

# Windows have a quarter of their tokens in common with the next.
_OVERLAP = 4


class PairRows(NamedTuple):
    """Packed rows of pairs.

    Attributes:
        token_ids: int32 ragged (b, None).
        firsts: int64 (b,), how many tokens of each row, from its beginning, are of segment 0; the others are of 1.
    """

    token_ids: tf.RaggedTensor
    firsts: tf.Tensor


class Packed(NamedTuple):
    """Rows ready for padding.

    Attributes:
        token_ids: int32 ragged (n, None).
        segment_ids: int32 ragged (n, None): 0 in the first segment, 1 in the second.
        dropped: int32 (n,), how many tokens truncation took from each row.
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

    The longer segment is cut first, as the reference tokenizers do ("longest first").

    Args:
        segments: one or two int32 ragged tensors (n, None).
        start: id put before the first segment, or None.
        end: id put after each segment, or None.
        sequence_length: the longest row, special tokens included; None leaves every token.
        truncation: what is kept of a segment that is cut, one of `truncation.TRUNCATIONS`.
        separators: how many times `end` stands between two segments.
    """
    between = separators if len(segments) > 1 else 1
    lengths = [segment.row_lengths() for segment in segments]
    if sequence_length is not None:
        added = (start is not None) + (len(segments) + between - 1) * (end is not None)
        kept = _longest_first(lengths, max(sequence_length - added, 0))
        tails = [length // 2 if truncation == "head+tail" else tf.zeros_like(length) for length in kept]
        segments = [_cut(*part) for part in zip(segments, kept, tails, strict=True)]
        dropped = tf.add_n([before - after for before, after in zip(lengths, kept, strict=True)])
    else:
        dropped = tf.zeros_like(lengths[0])
    rows, pieces = segments[0].nrows(), []
    for number, segment in enumerate(segments):
        before = [_column(start, rows)] if number == 0 and start is not None else []
        times = between if number == 0 else 1
        after = [_column(end, rows)] * times if end is not None else []
        pieces += [(piece, number) for piece in (*before, segment, *after)]
    kinds = [piece.with_values(tf.fill(tf.shape(piece.values), number)) for piece, number in pieces]
    ids = tf.concat([piece for piece, _ in pieces], axis=1)
    return Packed(ids, tf.concat(kinds, axis=1), tf.cast(dropped, tf.int32))


def pack_windows(tokens: tf.RaggedTensor, start: int | None, end: int | None, sequence_length: int) -> Packed:
    """Cut texts into windows that overlap by a quarter; each is a row of its own, special tokens included.

    A text that fits is one window; the last window of another may be shorter.

    Args:
        tokens: int32 ragged (n, None).
        start: id put before each window, or None.
        end: id put after each window, or None.
        sequence_length: the longest window, special tokens included; at least `truncation.LEAST_WINDOW`.

    Returns:
        token_ids and segment_ids, int32 ragged (n, None, None): windows of texts; nothing is dropped.
    """
    room = sequence_length - (start is not None) - (end is not None)
    step = room - room // _OVERLAP
    lengths = tokens.row_lengths()
    counts = 1 + tf.maximum((lengths - room + step - 1) // step, 0)
    text = tf.repeat(tf.range(tokens.nrows()), counts)  # of each window
    begin = step * (tf.range(tf.size(text, tf.int64)) - tf.gather(tf.cumsum(counts, exclusive=True), text))
    first = tf.gather(tokens.row_starts(), text) + begin
    places = tf.ragged.range(first, first + tf.minimum(tf.gather(lengths, text) - begin, room))
    rows = pack([places.with_values(tf.gather(tokens.values, places.values))], start, end, None)
    ids, kinds = (tf.RaggedTensor.from_row_lengths(part, counts, validate=False) for part in rows[:2])
    return Packed(ids, kinds, tf.zeros_like(lengths, tf.int32))


def pad(token_ids: tf.RaggedTensor, segment_ids: tf.RaggedTensor | None, pad_id: int) -> dict[str, tf.Tensor]:
    """Fill rows up to the longest of the batch.

    Args:
        token_ids: int32 ragged (b, None).
        segment_ids: int32 ragged (b, None), or None when there is one segment only.
        pad_id: the id that fills.

    Returns:
        {"token_ids", "padding_mask", "segment_ids"}, each int32 (b, t) with t at least 1.
    """
    dense = _dense(token_ids, pad_id)
    mask = tf.sequence_mask(token_ids.row_lengths(), tf.shape(dense)[1], dtype=tf.int32)
    kinds = tf.zeros_like(dense) if segment_ids is None else _dense(segment_ids, 0)
    return {"token_ids": dense, "padding_mask": mask, "segment_ids": kinds}


def padded(rows: tf.RaggedTensor | PairRows, pad_id: int) -> dict[str, tf.Tensor]:
    """`pad` for rows of single texts, int32 ragged (b, None), or of pairs."""
    if not isinstance(rows, PairRows):
        return pad(rows, None, pad_id)
    row = pad(rows.token_ids, None, pad_id)
    position = tf.range(tf.shape(row["token_ids"])[1], dtype=rows.firsts.dtype)
    second = tf.cast(position >= rows.firsts[:, tf.newaxis], tf.int32)  # (b, t)
    return {**row, "segment_ids": second * row["padding_mask"]}


def ids_of(rows: tf.RaggedTensor | PairRows) -> tf.RaggedTensor:
    """The token ids of rows of single texts or of pairs, int32 ragged (b, None)."""
    return rows.token_ids if isinstance(rows, PairRows) else rows


def _longest_first(lengths: Sequence[tf.Tensor], room: int) -> list[tf.Tensor]:
    if len(lengths) == 1:
        return [tf.minimum(lengths[0], room)]
    shorter = tf.minimum(*lengths)
    longer = tf.minimum(tf.maximum(*lengths), tf.maximum(shorter, room - shorter))
    halved = shorter + longer > room
    shorter = tf.where(halved, tf.cast(room // 2, shorter.dtype), shorter)
    longer = tf.where(halved, tf.cast(room - room // 2, longer.dtype), longer)
    first_is_longer = lengths[0] > lengths[1]
    return [tf.where(first_is_longer, longer, shorter), tf.where(first_is_longer, shorter, longer)]


def _cut(segment: tf.RaggedTensor, kept: tf.Tensor, tails: tf.Tensor) -> tf.RaggedTensor:
    """Keep so many tokens of each row, and so many of these at its end; all of them where a row is short enough."""
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
