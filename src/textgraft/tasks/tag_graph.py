"""Decoding of tags as graph ops, for exported models; equal to `tag_decoding` with NumPy."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from textgraft.tasks.tag_decoding import FREE, OUTSIDE, TINY, WORDS, transition_scores
from textgraft.text.words import Words

_NEVER = -1e300  # the logarithm of no probability, which unlike infinity has differences


class SpanTensors(NamedTuple):
    """Spans of words, in order.

    Attributes:
        starts: int64 (s,), first word of each.
        labels: int64 (s,), label indices.
        words: int64 (w,), index of the span of each word, or -1.
    """

    starts: tf.Tensor
    labels: tf.Tensor
    words: tf.Tensor


def best_tags(scores: tf.RaggedTensor) -> tf.Tensor:
    """See `tag_decoding.viterbi`: scores, float64 ragged (n, None, tags), to tags, int32 (w,)."""
    transitions = tf.constant(transition_scores(scores.shape[-1]), tf.float64)
    padded, lengths = scores.to_tensor(), scores.row_lengths()  # (n, size, tags)
    sequences, size = tf.shape(padded)[0], tf.shape(padded)[1]
    padded = tf.pad(padded, [[0, 0], [0, tf.maximum(1 - size, 0)], [0, 0]])  # one word, where no text has any
    size = tf.maximum(size, 1)
    same_tag = tf.broadcast_to(tf.range(scores.shape[-1]), [sequences, scores.shape[-1]])

    def forward(word: tf.Tensor, best: tf.Tensor, pointers: tf.TensorArray) -> tuple[tf.Tensor, ...]:
        paths = best[:, :, tf.newaxis] + transitions  # (n, from, to)
        is_word = (tf.cast(word, tf.int64) < lengths)[:, tf.newaxis]
        previous = tf.where(is_word, tf.argmax(paths, axis=1, output_type=tf.int32), same_tag)
        best = tf.where(is_word, tf.reduce_max(paths, axis=1) + padded[:, word], best)
        return word + 1, best, pointers.write(word, previous)

    def backward(word: tf.Tensor, tag: tf.Tensor, tags: tf.TensorArray) -> tuple[tf.Tensor, ...]:
        previous = tf.gather(pointers.read(word), tag, batch_dims=1)
        return word - 1, previous, tags.write(word - 1, previous)

    first = padded[:, 0] + transitions[OUTSIDE]
    arrays = [tf.TensorArray(tf.int32, size, element_shape=shape) for shape in ([None, scores.shape[-1]], [None])]
    pointers = arrays[0].write(0, same_tag)
    _, best, pointers = tf.while_loop(lambda word, *_: word < size, forward, (1, first, pointers))
    last = tf.argmax(best, axis=1, output_type=tf.int32)
    tags = arrays[1].write(size - 1, last)
    _, _, tags = tf.while_loop(lambda word, *_: word > 0, backward, (size - 1, last, tags))
    return tf.boolean_mask(tf.transpose(tags.stack()), tf.sequence_mask(lengths, size))


def find_spans(tags: tf.Tensor, lengths: tf.Tensor) -> SpanTensors:
    """See `tag_decoding.decode_spans`: tags, int32 (w,), and words of each text, int64 (n,)."""
    text_ids = tf.repeat(tf.range(tf.size(lengths)), lengths)
    inside, labels = tags != OUTSIDE, (tags - 1) // 2
    continues = tf.concat(
        [
            tf.zeros([1], tf.bool)[: tf.size(tags)],
            inside[:-1] & (labels[:-1] == labels[1:]) & (text_ids[:-1] == text_ids[1:]),
        ],
        0,
    )
    starts_span = inside & ((tags % 2 == 1) | ~continues)
    starts = tf.where(starts_span)[:, 0]
    words = tf.cumsum(tf.cast(starts_span, tf.int64)) - 1
    return SpanTensors(starts, tf.cast(tf.gather(labels, starts), tf.int64), tf.where(inside, words, -1))


def score_spans(
    spans: SpanTensors, tags: tf.Tensor, probabilities: tf.RaggedTensor, decoding: str, scoring: str
) -> tf.Tensor:
    """See `tag_decoding.scored_spans`: the score of each span, float64 (s,).

    Args:
        spans: of the tags.
        tags: of the words, int32 (w,).
        probabilities: of all tags, float32 ragged (n, None, tags).
        decoding: "constrained" or "free".
        scoring: "spans" or "words".
    """
    exact = tf.cast(probabilities.values, tf.float64)  # sums of float32 over a thousand words are wrong by 1e-5
    inside = spans.words >= 0
    span_ids = tf.boolean_mask(spans.words, inside)
    if scoring == WORDS:
        chosen = tf.gather(exact, tags, batch_dims=1)
        return tf.math.segment_mean(tf.boolean_mask(chosen, inside), span_ids)
    first, following = 1 + 2 * spans.labels, 2 + 2 * spans.labels
    sizes = tf.math.segment_sum(tf.ones_like(span_ids), span_ids)
    bounds = _SpanBounds(spans.starts, spans.starts + sizes, first, following)
    if decoding == FREE:
        return _free_probabilities(bounds, exact, probabilities.row_lengths())
    scores = tf.cast(tf.math.log(probabilities.values + TINY), tf.float64)
    return tf.exp(_log_shares(bounds, probabilities.with_values(scores)))


class _SpanBounds(NamedTuple):
    """First word and the word after the last, and the first and the following tag of each span, int64 (s,)."""

    starts: tf.Tensor
    ends: tf.Tensor
    first: tf.Tensor
    following: tf.Tensor


def _following_sums(bounds: _SpanBounds, scores: tf.Tensor) -> tf.Tensor:
    """The sum of the scores, float64 (w, tags), of the tags after the first one of each span, float64 (s,)."""
    sums = tf.pad(tf.cumsum(scores), [[1, 0], [0, 0]])
    return _pick(sums, bounds.ends, bounds.following) - _pick(sums, bounds.starts + 1, bounds.following)


def _pick(values: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    return tf.gather_nd(values, tf.stack([rows, columns], axis=1))


def _log_shares(bounds: _SpanBounds, scores: tf.RaggedTensor) -> tf.Tensor:
    """See `tag_decoding.span_probabilities`, of which this is the logarithm, of float64 ragged (n, None, tags)."""
    lengths, row_starts = scores.row_lengths(), scores.row_starts()
    padded = scores.to_tensor()  # (n, size, tags)
    prefixes, suffixes = _log_prefixes(padded), _log_suffixes(padded, lengths)  # (n, size + 1)
    texts = tf.gather(tf.cast(scores.value_rowids(), tf.int64), bounds.starts)
    offsets = tf.gather(row_starts, texts)
    first = _pick(scores.values, bounds.starts, bounds.first)
    return (
        _pick(prefixes, texts, bounds.starts - offsets)
        + first
        + _following_sums(bounds, scores.values)
        + _pick(suffixes, texts, bounds.ends - offsets)
        - _pick(prefixes, texts, tf.gather(lengths, texts))
    )


def _log_prefixes(scores: tf.Tensor) -> tf.Tensor:
    """See `tag_decoding`: scores (n, size, tags) to (n, size + 1)."""
    sequences, size = tf.shape(scores)[0], tf.shape(scores)[1]
    zeros = tf.zeros([sequences], tf.float64)

    def add(word: tf.Tensor, last: tf.Tensor, within: tf.Tensor, sums: tf.TensorArray) -> tuple[tf.Tensor, ...]:
        emitted = scores[:, word]
        within = _log_add(last[:, tf.newaxis] + emitted[:, 1::2], within + emitted[:, 2::2])
        last = _log_add(last + emitted[:, OUTSIDE], tf.reduce_logsumexp(within, axis=1))
        return word + 1, last, within, sums.write(word + 1, last)

    array = tf.TensorArray(tf.float64, size + 1, element_shape=[None]).write(0, zeros)
    within = tf.fill([sequences, scores.shape[-1] // 2], tf.constant(_NEVER, tf.float64))
    *_, array = tf.while_loop(lambda word, *_: word < size, add, (0, zeros, within, array))
    return tf.transpose(array.stack())


def _log_suffixes(scores: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """See `tag_decoding`: scores (n, size, tags) of texts of some lengths to (n, size + 1)."""
    sequences, size = tf.shape(scores)[0], tf.shape(scores)[1]
    zeros = tf.zeros([sequences], tf.float64)

    def add(word: tf.Tensor, last: tf.Tensor, within: tf.Tensor, sums: tf.TensorArray) -> tuple[tf.Tensor, ...]:
        emitted, is_word = scores[:, word], tf.cast(word, tf.int64) < lengths
        started = tf.reduce_logsumexp(emitted[:, 1::2] + within, axis=1)
        last = tf.where(is_word, _log_add(last + emitted[:, OUTSIDE], started), last)
        added = _log_add(last[:, tf.newaxis], within + emitted[:, 2::2])
        within = tf.where(is_word[:, tf.newaxis], added, within)
        return word - 1, last, within, sums.write(word, last)

    array = tf.TensorArray(tf.float64, size + 1, element_shape=[None]).write(size, zeros)
    within = tf.zeros([sequences, scores.shape[-1] // 2], tf.float64)
    *_, array = tf.while_loop(lambda word, *_: word >= 0, add, (size - 1, zeros, within, array))
    return tf.transpose(array.stack())


def _log_add(values: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Log of the sum of exponentials."""
    high = tf.maximum(values, others)
    return high + tf.math.log1p(tf.exp(-tf.abs(values - others)))


def _free_probabilities(bounds: _SpanBounds, probabilities: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """See `tag_decoding.free_span_probabilities`: probabilities, float64 (w, tags)."""
    ends_text = tf.scatter_nd(
        tf.cumsum(lengths)[:, tf.newaxis], tf.ones_like(lengths), tf.shape(probabilities, tf.int64)[:1] + 1
    )
    is_first = (bounds.starts == 0) | (tf.gather(ends_text, bounds.starts) > 0)
    previous = tf.maximum(bounds.starts - 1, 0)
    in_label = _pick(probabilities, previous, bounds.first) + _pick(probabilities, previous, bounds.following)
    started = _pick(probabilities, bounds.starts, bounds.first)
    started += _pick(probabilities, bounds.starts, bounds.following) * (
        1 - tf.where(is_first, tf.zeros_like(in_label), in_label)
    )
    next_words = tf.minimum(bounds.ends, tf.shape(probabilities, tf.int64)[0] - 1)
    is_last = tf.gather(ends_text, bounds.ends) > 0
    following = _pick(probabilities, next_words, bounds.following)
    continued = tf.where(is_last, tf.zeros_like(following), following)
    middle = tf.exp(_following_sums(bounds, tf.math.log(probabilities + tf.cast(TINY, tf.float64))))
    return started * middle * (1 - continued)


def entities(
    texts: tf.Tensor, words: Words, spans: SpanTensors, scores: tf.Tensor, labels: Sequence[str], min_score: float = 0.0
) -> dict[str, tf.Tensor]:
    """The entities of texts, string (n,), padded to the most of a text: (n, m) each, and "count", int64 (n,).

    Args:
        texts: string (n,).
        words: of the texts.
        spans: of the words.
        scores: of the spans, float64 (s,).
        labels: types of entities.
        min_score: of an entity.
    """
    inside = spans.words >= 0
    span_ids = tf.boolean_mask(spans.words, inside)
    starts = tf.gather(words.starts, spans.starts)
    ends = tf.math.segment_max(tf.boolean_mask(words.ends, inside), span_ids)
    span_texts = tf.gather(tf.repeat(tf.range(tf.size(texts)), words.lengths), spans.starts)
    is_sure = scores >= min_score
    counts = tf.math.unsorted_segment_sum(tf.cast(is_sure, tf.int64), span_texts, tf.size(texts))
    flat = {
        "label": tf.gather(tf.constant(labels), spans.labels),
        "start": starts,
        "end": ends,
        "score": tf.cast(scores, tf.float32),
        "text": tf.strings.substr(tf.gather(texts, span_texts), starts, ends - starts, unit="UTF8_CHAR"),
    }
    flat = {name: tf.boolean_mask(values, is_sure) for name, values in flat.items()}
    rows = {name: tf.RaggedTensor.from_row_lengths(values, counts, validate=False) for name, values in flat.items()}
    return {"count": counts, **{name: values.to_tensor() for name, values in rows.items()}}
