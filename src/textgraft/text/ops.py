"""Graph ops on strings and ragged rows."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_text as tf_text

_PLACEHOLDER = "\ufddf"  # a noncharacter, which texts do not contain and cleaning does not change
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ", "&amp;": "&"}


def clean(
    texts: tf.Tensor, strip_html: bool, normalize_unicode: bool, lowercase: bool, strip_punctuation: bool
) -> tf.Tensor:
    """Clean texts; see `Cleaning.__call__`."""
    if strip_html:
        texts = _strip_html(texts)
    if normalize_unicode:
        texts = tf_text.normalize_utf8(texts, "NFKC")
    if lowercase:
        texts = lower(texts)
    if strip_punctuation:
        texts = tf.strings.regex_replace(texts, r"\pP", "")
    return texts


@dataclass(frozen=True)
class TokenPreservingCleaning:
    """Cleaning of everything except one token, such as the mask.

    Attributes:
        token: the token to leave unchanged.
        cleaning: cleaning of the text around it.
    """

    token: str
    cleaning: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Clean texts; see `Cleaning.__call__`."""
        texts = tf.strings.regex_replace(texts, _PLACEHOLDER, "")
        texts = tf.strings.regex_replace(texts, escaped(self.token), _PLACEHOLDER)
        # A backslash in a replacement is an escape.
        return tf.strings.regex_replace(self.cleaning(texts), _PLACEHOLDER, self.token.replace("\\", "\\\\"))


def lower(texts: tf.Tensor) -> tf.Tensor:
    """Lower-case each character by itself, as the reference tokenizers do.

    TensorFlow's Unicode lower-casing depends on the locale of the process (a Turkish one turns I into a dotless i) and
    on the position of a sigma in its word. So ASCII is lower-cased first, byte by byte, and the two special characters
    are replaced. TensorFlow also ends a text at its first NUL, so NULs are deleted.
    """
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", ""))
    texts = tf.strings.regex_replace(texts, "\u0130", "i\u0307")  # capital I with dot
    texts = tf.strings.regex_replace(texts, "\u03a3", "\u03c3")  # capital sigma
    return tf.strings.lower(texts, encoding="utf-8")


def escaped(token: str) -> str:
    """An RE2 pattern that matches a token literally."""
    return "".join(f"\\{character}" if character in "[](){}.*+?^$|\\" else character for character in token)


def row_ids(lengths: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The row of each value; cheaper than `RaggedTensor.value_rowids`, whose cost is rows times longest row.

    Args:
        lengths: (n,), row lengths; their sum is `count`.
        count: int32 ().

    Returns:
        int64 (count,).
    """
    return tf.searchsorted(tf.cumsum(tf.cast(lengths, tf.int32)), tf.range(count), side="right", out_type=tf.int64)


def map_in_chunks(
    function: Callable[[tf.RaggedTensor], tf.Tensor], rows: tf.RaggedTensor, chunk_size: int, width: int
) -> tf.Tensor:
    """Apply a row-wise function to chunks of rows one after another, which bounds the memory.

    Args:
        function: from ragged (m, None, ...) to float32 (m, width); its rows must be independent.
        rows: ragged (n, None, ...).
        chunk_size: maximum m.
        width: width of the function's output.

    Returns:
        float32 (n, width).
    """
    count = tf.cast(rows.nrows(), tf.int32)

    def step(chunk: tf.Tensor, outputs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = chunk * chunk_size
        return chunk + 1, outputs.write(chunk, function(rows[start : start + chunk_size]))

    outputs = tf.TensorArray(tf.float32, -(-count // chunk_size), infer_shape=False, element_shape=[None, width])
    _, outputs = tf.while_loop(
        lambda chunk, _: chunk * chunk_size < count, step, (tf.constant(0), outputs), parallel_iterations=1
    )
    return outputs.concat()


def _strip_html(texts: tf.Tensor) -> tf.Tensor:
    texts = tf.strings.regex_replace(texts, r"(?s)<!--.*?-->|</?[A-Za-z!][^<>]*>", " ")
    for entity, character in _ENTITIES.items():
        texts = tf.strings.regex_replace(texts, entity, character)
    return texts
