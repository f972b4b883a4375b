"""Decoding of tags as graph ops, for exported models; equal to `tag_decoding` with NumPy."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from textgraft.tasks.tag_decoding import OUTSIDE, transition_scores
from textgraft.text.words import Words


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


def entities(
    texts: tf.Tensor, words: Words, tags: tf.Tensor, probabilities: tf.Tensor, labels: Sequence[str]
) -> dict[str, tf.Tensor]:
    """The entities of texts, string (n,), padded to the most of a text: (n, m) each, and "count", int64 (n,).

    Args:
        texts: string (n,).
        words: of the texts.
        tags: of the words, int32 (w,).
        probabilities: of these tags, float32 (w,).
        labels: types of entities.
    """
    spans = find_spans(tags, words.lengths)
    inside = spans.words >= 0
    probabilities = tf.cast(probabilities, tf.float64)  # sums of float32 over a thousand words are wrong by 1e-5
    span_ids = tf.boolean_mask(spans.words, inside)
    starts = tf.gather(words.starts, spans.starts)
    ends = tf.math.segment_max(tf.boolean_mask(words.ends, inside), span_ids)
    span_texts = tf.gather(tf.repeat(tf.range(tf.size(texts)), words.lengths), spans.starts)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(starts), span_texts, tf.size(texts))
    flat = {
        "label": tf.gather(tf.constant(labels), spans.labels),
        "start": starts,
        "end": ends,
        "score": tf.cast(tf.math.segment_mean(tf.boolean_mask(probabilities, inside), span_ids), tf.float32),
        "text": tf.strings.substr(tf.gather(texts, span_texts), starts, ends - starts, unit="UTF8_CHAR"),
    }
    rows = {name: tf.RaggedTensor.from_row_lengths(values, counts, validate=False) for name, values in flat.items()}
    return {"count": counts, **{name: values.to_tensor() for name, values in rows.items()}}
