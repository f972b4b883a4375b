"""Strings to counts of hashed n-grams, and counts to weighted features, as ops of core TensorFlow."""

from typing import Any, NamedTuple

import tensorflow as tf

from textgraft.data.scripts import UNSPACED, WHITE_SPACE
from textgraft.model_folder.ngrams import BUCKETS
from textgraft.text.ops import lower, lower_case_map, python_pattern, row_ids

# Of a script without spaces; like a punctuation mark or symbol, a word by itself with its combining marks.
_CHARACTER = rf"[{UNSPACED}]\pM*"
_SINGLE = rf"[{UNSPACED}\pP\pS]\pM*"
_BETWEEN_WORDS = f"[{WHITE_SPACE}'’]+"

_MIN_SQUARED_NORM = 1e-12


class NgramCounts(NamedTuple):
    """How often n-grams occur in texts: an item for each text and bucket, in any order.

    Attributes:
        rows: int64 (m,), index of the text.
        buckets: int64 (m,), below `BUCKETS`.
        counts: float32 (m,), at least 1.
    """

    rows: tf.Tensor
    buckets: tf.Tensor
    counts: tf.Tensor


class Occurrences(NamedTuple):
    """N-grams at their words.

    Attributes:
        buckets: int64 (m,), below `BUCKETS`.
        starts: int32 (m,), index of the first word.
        sizes: int32 (m,), number of words.
    """

    buckets: tf.Tensor
    starts: tf.Tensor
    sizes: tf.Tensor


def count_ngrams(texts: tf.Tensor) -> NgramCounts:
    """Count the words of texts, string (n,) of valid UTF-8, and each pair of consecutive words.

    Words are in lower case, between white space and apostrophes. Punctuation marks and symbols are words by themselves.
    So are the characters of scripts without spaces, of which three consecutive ones are counted too.
    """
    words = split_into_words(texts)
    rows = row_ids(words.row_lengths(), tf.size(words.values))
    ngrams = occurrences(words.values, rows)
    keys, _, counts = tf.unique_with_counts(tf.gather(rows, ngrams.starts) * BUCKETS + ngrams.buckets)
    return NgramCounts(keys // BUCKETS, keys % BUCKETS, tf.cast(counts, tf.float32))


def occurrences(words: tf.Tensor, rows: tf.Tensor) -> Occurrences:
    """Each n-gram of consecutive words, string (w,), of texts with these indices, int64 (w,); see `count_ngrams`."""
    is_character = tf.strings.regex_full_match(words, _CHARACTER)
    ngrams = [(words, tf.range(tf.size(words))), _consecutive(words, rows, 2)]
    ngrams.append(_consecutive(words, tf.where(is_character, rows, -1), 3))
    sizes = tf.concat([tf.fill(tf.shape(starts), size) for size, (_, starts) in enumerate(ngrams, start=1)], 0)
    values, starts = (tf.concat(parts, 0) for parts in zip(*ngrams, strict=True))
    return Occurrences(tf.strings.to_hash_bucket_fast(values, BUCKETS), starts, sizes)


def split_into_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """The words of texts, string ragged (n, None); see `count_ngrams`."""
    texts = tf.strings.regex_replace(lower(texts), _BETWEEN_WORDS, " ")
    return tf.strings.split(tf.strings.regex_replace(texts, _SINGLE, r" \0 "))


def weighted(rows: tf.Tensor, counts: tf.Tensor, scale: tf.Tensor, texts: tf.Tensor | int) -> tf.Tensor:
    """Features of norm 1 for each text, float32 (m,): (1 + log count) * scale.

    Args:
        rows: int64 (m,), index of the text.
        counts: float32 (m,), at least 1.
        scale: float32 (m,), at least 0, of the n-gram.
        texts: their number.
    """
    values = (1 + tf.math.log(counts)) * scale
    squared_norms = tf.math.unsorted_segment_sum(tf.square(values), rows, texts)
    return values * tf.math.rsqrt(tf.maximum(tf.gather(squared_norms, rows), _MIN_SQUARED_NORM))


def counting_settings() -> dict[str, Any]:
    """What Python needs to count and weigh n-grams as this graph, as JSON values; see `wheel_runtime.ngrams`."""
    return {
        "lower": lower_case_map(),
        "between_words": _BETWEEN_WORDS,
        "single": python_pattern(_SINGLE),
        "character": python_pattern(_CHARACTER),
        "buckets": BUCKETS,
        "min_squared_norm": _MIN_SQUARED_NORM,
    }


def _consecutive(words: tf.Tensor, rows: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Each `size` consecutive words of one row, joined by spaces, string (p,), and the index of the first, int32 (p,).

    Rows below 0 have none.
    """
    count = tf.maximum(tf.size(words) - size + 1, 0)
    starts = rows[:count]
    is_in_row = starts >= 0
    for offset in range(1, size):
        is_in_row &= rows[offset : count + offset] == starts
    parts = [tf.boolean_mask(words[offset : count + offset], is_in_row) for offset in range(size)]
    return tf.strings.join(parts, " "), tf.cast(tf.where(is_in_row)[:, 0], tf.int32)
