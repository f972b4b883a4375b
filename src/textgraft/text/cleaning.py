"""Cleaning of texts before tokenization; importing this file does not import TensorFlow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textgraft.options import option

if TYPE_CHECKING:
    import tensorflow as tf

# Patterns for RE2, and for Python's `re`.
HTML_TAG = r"</?[A-Za-z!][^<>]*>"
HTML_COMMENT_END = "-->"
HTML_MARKUP = rf"(?s)<!--.*?{HTML_COMMENT_END}|{HTML_TAG}"
HTML_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ", "&amp;": "&"}


@dataclass(frozen=True)
class Cleaning:
    """Cleaning steps, in the order of application."""

    strip_html: bool = option(
        False, "Replace HTML tags by a space and entities by their characters.", panel="Data", searchable=True
    )
    normalize_unicode: bool = option(False, "Normalize texts to Unicode NFKC.", panel="Data", searchable=True)
    lowercase: bool = option(False, "Convert texts to lower case.", panel="Data", searchable=True)
    strip_punctuation: bool = option(False, "Delete Unicode punctuation.", panel="Data", searchable=True)

    @property
    def steps(self) -> list[str]:
        """Names of the steps that are switched on."""
        return [name for name, is_on in vars(self).items() if is_on]

    def __call__(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Clean texts, UTF-8 in a string tensor of any shape; returns the same tensor when no step is switched on."""
        import tensorflow as tf

        from textgraft.text.normalization import normalize
        from textgraft.text.ops import lower

        if self.strip_html:
            texts = tf.strings.regex_replace(texts, HTML_MARKUP, " ")
            for entity, character in HTML_ENTITIES.items():
                texts = tf.strings.regex_replace(texts, entity, character)
        if self.normalize_unicode:
            texts = normalize(texts, "NFKC")
        if self.lowercase:
            texts = lower(texts)
        return tf.strings.regex_replace(texts, r"\pP", "") if self.strip_punctuation else texts
