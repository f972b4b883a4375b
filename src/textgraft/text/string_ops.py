"""Graph ops on strings: cleaning, lower case, and escapes for regular expressions."""

from dataclasses import dataclass

import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.text.cleaning import Cleaning

_STAND_IN = "\ufddf"  # a noncharacter, which no text holds and no step of cleaning touches
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ", "&amp;": "&"}


def clean(texts: tf.Tensor, cleaning: Cleaning) -> tf.Tensor:
    """Clean texts; see `Cleaning.__call__`."""
    if cleaning.strip_html:
        texts = _strip_html(texts)
    if cleaning.normalize_unicode:
        texts = tf_text.normalize_utf8(texts, "NFKC")
    if cleaning.lowercase:
        texts = lower(texts)
    if cleaning.strip_punctuation:
        texts = tf.strings.regex_replace(texts, r"\pP", "")
    return texts


@dataclass(frozen=True)
class Sparing:
    """Cleaning that leaves a token as it is, such as the mask, whatever cleaning would make of it.

    Attributes:
        token: found as it stands.
        cleaning: of all else.
    """

    token: str
    cleaning: Cleaning

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """See `Cleaning.__call__`."""
        texts = tf.strings.regex_replace(tf.strings.regex_replace(texts, _STAND_IN, ""), escaped(self.token), _STAND_IN)
        return tf.strings.regex_replace(self.cleaning(texts), _STAND_IN, escaped_rewrite(self.token))


def lower(texts: tf.Tensor) -> tf.Tensor:
    """Lower-case each character on its own, as the reference tokenizers do.

    TensorFlow's Unicode lower-casing follows the process's locale (a Turkish one turns I into a dotless i) and the
    place of a sigma in its word. So ASCII goes first, byte by byte, and the two other characters are spelled out.
    It also ends a text at its first NUL, so those are deleted.
    """
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", ""))
    texts = tf.strings.regex_replace(texts, "\u0130", "i\u0307")  # capital I with dot
    texts = tf.strings.regex_replace(texts, "\u03a3", "\u03c3")  # capital sigma
    return tf.strings.lower(texts, encoding="utf-8")


def escaped(token: str) -> str:
    """A token as a pattern of RE2's that matches it."""
    return "".join(f"\\{character}" if character in "[](){}.*+?^$|\\" else character for character in token)


def escaped_rewrite(text: str) -> str:
    """A text as what `regex_replace` is to put there."""
    return text.replace("\\", "\\\\")


def _strip_html(texts: tf.Tensor) -> tf.Tensor:
    texts = tf.strings.regex_replace(texts, r"(?s)<!--.*?-->|</?[A-Za-z!][^<>]*>", " ")
    for entity, character in _ENTITIES.items():
        texts = tf.strings.regex_replace(texts, entity, character)
    return texts
