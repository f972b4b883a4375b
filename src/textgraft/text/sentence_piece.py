"""SentencePiece's unigram model as the reference tokenizers use it, as graph ops.

References:
    Kudo, 2018, https://arxiv.org/abs/1804.10959
    Kudo & Richardson, 2018, https://arxiv.org/abs/1808.06226
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.runtime import native_stderr_held_back
from textgraft.text.cleaning import escaped, lower

_WHITESPACE = "\\s\\v\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ACCENTS = r"\pM"

# What can be done to a text before the model's own normalization, by name.
STEPS: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "quotes": lambda texts: tf.strings.regex_replace(texts, "``|''", '"'),
    "nfc": lambda texts: tf_text.normalize_utf8(texts, "NFC"),
    "nfkc": lambda texts: tf_text.normalize_utf8(texts, "NFKC"),
    "nfkd": lambda texts: tf_text.normalize_utf8(texts, "NFKD"),
    "strip_accents": lambda texts: tf.strings.regex_replace(texts, _ACCENTS, ""),
    "lowercase": lower,
    "spaces": lambda texts: tf.strings.regex_replace(texts, f"[{_WHITESPACE}]{{2,}}|[\n\r\t]", " "),
    "whitespace": lambda texts: tf.strings.regex_replace(texts, f"[{_WHITESPACE}]+", " "),
}


class SentencePiece:
    """Texts to token ids with a SentencePiece model."""

    def __init__(
        self, model: bytes, ids: Sequence[int], special_tokens: Mapping[str, int], steps: Sequence[str] = ()
    ) -> None:
        """Read the model.

        Args:
            model: a serialized `sentencepiece.ModelProto`.
            ids: the token id of each of its pieces.
            special_tokens: tokens that are found whole in a text, and their ids.
            steps: of `STEPS`, in the order in which they are taken.
        """
        with native_stderr_held_back():  # it speaks of every model without a table of characters
            self._pieces = tf_text.SentencepieceTokenizer(model=model, out_type=tf.int32)
        self._ids = tf.constant(ids, tf.int32)
        self._special = dict(special_tokens)
        self._steps = [STEPS[step] for step in steps]

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize.

        Args:
            texts: string tensor (n,), valid UTF-8.

        Returns:
            int32 ragged (n, None).
        """
        if not self._special:
            return self._encoded(texts)
        pattern = "|".join(escaped(token) for token in sorted(self._special, key=len, reverse=True))
        # A text would end for the splitter at its first NUL; like it, this is no letter that a model knows.
        texts = tf.strings.regex_replace(texts, r"\x00", "\ufffe")
        parts = tf_text.regex_split(texts, delim_regex_pattern=pattern, keep_delim_regex_pattern=pattern)
        special = tf.fill(tf.shape(parts.values), -1)
        for token, token_id in self._special.items():
            special = tf.where(parts.values == token, token_id, special)
        found = special >= 0
        whole = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(special, found), tf.cast(found, tf.int64), validate=False
        )
        ids = tf.concat([whole, self._encoded(tf.where(found, "", parts.values))], axis=1)  # a part has one of the two
        return tf.RaggedTensor.from_row_splits(ids.values, tf.gather(ids.row_splits, parts.row_splits), validate=False)

    def _encoded(self, texts: tf.Tensor) -> tf.RaggedTensor:
        for step in self._steps:
            texts = step(texts)
        pieces = self._pieces.tokenize(texts)
        return pieces.with_values(tf.gather(self._ids, pieces.values))
