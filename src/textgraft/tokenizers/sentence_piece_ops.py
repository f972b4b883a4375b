"""SentencePiece's unigram model with the results of the `tokenizers` library; graph ops.

References:
    Kudo, 2018, https://arxiv.org/abs/1804.10959
    Kudo & Richardson, 2018, https://arxiv.org/abs/1808.06226
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from textgraft.text.normalization import normalize
from textgraft.text.ops import escaped, join_rows, lower, regex_class, row_ids, strip_before
from textgraft.tokenizers.character_map import CharacterMap
from textgraft.tokenizers.unigram import Unigram

MARK = "\u2581"  # precedes each word
CHARACTER_RULES = "characters"

Normalizer = Callable[[tf.Tensor], tf.Tensor]

_SPACES = regex_class("spaces")
_UNKNOWN_CONTROL = "\ufff0"


def _replacing(pattern: str, replacement: str) -> Normalizer:
    return lambda texts: tf.strings.regex_replace(texts, pattern, replacement)


def _split_by_whitespace(texts: tf.Tensor) -> tf.Tensor:
    """Join words by one space, or by nothing before a word that has a mark."""
    texts = tf.strings.regex_replace(texts, f"[{_SPACES}]+", " ")
    return tf.strings.regex_replace(tf.strings.regex_replace(texts, "^ | $", ""), f" {MARK}", MARK)


# The steps of `files.NORMALIZATION_STEPS`, without `CHARACTER_RULES`, which depend on the model.
NORMALIZERS: Mapping[str, Normalizer] = {
    "quotes": _replacing("``|''", '"'),
    "nfc": lambda texts: normalize(texts, "NFC"),
    "nfkc": lambda texts: normalize(texts, "NFKC"),
    "nfkd": lambda texts: normalize(texts, "NFKD"),
    "strip_accents": _replacing(f"[{regex_class('accents')}]", ""),
    "lowercase": lower,
    "spaces": _replacing(f"[{_SPACES}]{{2,}}|[\n\r\t]", " "),
    "single_spaces": _replacing(" {2,}", " "),
    "single_marks": _replacing(" {2,}", MARK),
    "strip_left": _replacing(f"^[{_SPACES}]+", ""),
    "strip_right": _replacing(f"[{_SPACES}]+$", ""),
    "whitespace": _split_by_whitespace,
}


class SentencePiece:
    """Texts to token ids with a SentencePiece model."""

    def __init__(
        self,
        unigram: Unigram,
        rules: Mapping[str, str],
        special_ids: Mapping[str, int],
        steps: Sequence[str],
        stripping: Sequence[str],
    ) -> None:
        """Prepare the normalization.

        Args:
            unigram: the pieces.
            rules: see `character_rules`.
            special_ids: ids of tokens that are never split.
            steps: keys of `NORMALIZERS` and `CHARACTER_RULES`, in their order.
            stripping: special tokens that absorb the white space before them.
        """
        normalizers: Mapping[str, Normalizer] = {**NORMALIZERS, CHARACTER_RULES: CharacterMap(rules)}
        self._normalizers = [normalizers[step] for step in steps]
        self._unigram, self._special_ids, self._stripping = unigram, special_ids, stripping

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize; string (n,), valid UTF-8, to int32 ragged (n, None)."""
        if not self._special_ids:
            return self._encode(texts)
        if self._stripping:
            texts = strip_before(texts, self._stripping)
        pattern = "|".join(map(escaped, sorted(self._special_ids, key=len, reverse=True)))
        # The separator is NUL, which becomes another control character that no model has.
        texts = tf.strings.regex_replace(texts, r"\x00", _UNKNOWN_CONTROL)
        parts = tf.strings.split(tf.strings.regex_replace(texts, pattern, "\x00\\0\x00"), "\x00")
        special = tf.fill(tf.shape(parts.values), -1)
        for token, token_id in self._special_ids.items():
            special = tf.where(parts.values == token, token_id, special)
        is_special = special >= 0
        special = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(special, is_special), tf.cast(is_special, tf.int64), validate=False
        )
        ids = join_rows([special, self._encode(tf.where(is_special, "", parts.values))])  # one of them is empty
        return tf.RaggedTensor.from_row_splits(ids.values, tf.gather(ids.row_splits, parts.row_splits), validate=False)

    def _encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        for normalizer in self._normalizers:
            texts = normalizer(texts)
        # === A word starts at a mark or a space, and at the beginning of a text ===
        words = tf.strings.split(tf.strings.regex_replace(texts, MARK, " "), " ")
        text_ids = row_ids(words.row_lengths(), tf.size(words.values))
        is_first = tf.range(tf.size(words.values, tf.int64)) == tf.gather(words.row_starts(), text_ids)
        is_word = ~is_first | (words.values != "")
        ids = self._unigram(tf.strings.join([MARK, tf.boolean_mask(words.values, is_word)]))
        lengths = tf.math.unsorted_segment_sum(ids.row_lengths(), tf.boolean_mask(text_ids, is_word), words.nrows())
        return tf.RaggedTensor.from_row_lengths(ids.values, lengths, validate=False)
