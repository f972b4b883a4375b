"""Options for cleaning texts before tokenization, without TensorFlow."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from textgraft.options import option

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Cleaning:
    """Cleaning steps, in the order of application."""

    strip_html: bool = option(
        False, "Replace HTML tags by a space and entities by their characters.", panel="Data", searchable=True
    )
    normalize_unicode: bool = option(False, "Normalize texts to Unicode NFKC.", panel="Data", searchable=True)
    lowercase: bool = option(False, "Convert texts to lower case.", panel="Data", searchable=True)
    strip_punctuation: bool = option(False, "Delete Unicode punctuation.", panel="Data", searchable=True)

    def __call__(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Clean texts.

        Args:
            texts: string tensor of any shape, UTF-8.

        Returns:
            string tensor of the same shape; the same tensor when no step is switched on.
        """
        from textgraft.text.ops import clean

        return clean(texts, **asdict(self))
