"""SentencePiece's unigram model as the `tokenizers` library uses it, as graph ops.

References:
    Kudo, 2018, https://arxiv.org/abs/1804.10959
    Kudo & Richardson, 2018, https://arxiv.org/abs/1808.06226
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.text.rows import row_of_each
from textgraft.text.string_ops import escaped, lower
from textgraft.tokenizers import unicode_classes
from textgraft.tokenizers.character_map import CharacterMap
from textgraft.tokenizers.unigram import Unigram

MARK = "\u2581"  # of the beginning of a word

_WHITESPACE = "\\s\\v\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ACCENTS = "".join("-".join(f"\\x{{{code}}}" for code in span.split("-")) for span in unicode_classes.ACCENTS.split())
_CONTROL = "\ufff0"


def _replacing(pattern: str, replacement: str) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda texts: tf.strings.regex_replace(texts, pattern, replacement)


def _split_by_whitespace(texts: tf.Tensor) -> tf.Tensor:
    """Words apart by one space, but for one that brings its own mark."""
    texts = tf.strings.regex_replace(texts, f"[{_WHITESPACE}]+", " ")
    return tf.strings.regex_replace(tf.strings.regex_replace(texts, "^ | $", ""), f" {MARK}", MARK)


CHARACTERS = "characters"

# What can be done to a text before it is split, by name; beside them there is `CHARACTERS`, the model's own table.
STEPS: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "quotes": _replacing("``|''", '"'),
    "nfc": lambda texts: tf_text.normalize_utf8(texts, "NFC"),
    "nfkc": lambda texts: tf_text.normalize_utf8(texts, "NFKC"),
    "nfkd": lambda texts: tf_text.normalize_utf8(texts, "NFKD"),
    "strip_accents": _replacing(f"[{_ACCENTS}]", ""),
    "lowercase": lower,
    "spaces": _replacing(f"[{_WHITESPACE}]{{2,}}|[\n\r\t]", " "),
    "single_spaces": _replacing(" {2,}", " "),
    "single_marks": _replacing(" {2,}", MARK),
    "strip_left": _replacing(f"^[{_WHITESPACE}]+", ""),
    "strip_right": _replacing(f"[{_WHITESPACE}]+$", ""),
    "whitespace": _split_by_whitespace,
}


class Model(NamedTuple):
    """A unigram model.

    Attributes:
        pieces: all that can be found in a word.
        scores: the logarithm of how probable each is.
        ids: the token id of each.
        unknown: the token id of letters that are no piece.
        rules: its table of characters, see `character_rules`.
    """

    pieces: Sequence[str]
    scores: Sequence[float]
    ids: Sequence[int]
    unknown: int
    rules: Mapping[str, str]


class SentencePiece:
    """Texts to token ids with a SentencePiece model."""

    def __init__(
        self,
        model: Model,
        special_tokens: Mapping[str, int],
        steps: Sequence[str] = (),
        stripping: Sequence[str] = (),
    ) -> None:
        """Build the tries.

        Args:
            model: what words are split with.
            special_tokens: tokens that are found whole in a text, and their ids.
            steps: of `STEPS` and `CHARACTERS`, in the order in which they are taken.
            stripping: those of the special tokens that take the white space before them along.
        """
        self._words = Unigram(model.pieces, model.scores, model.ids, model.unknown)
        self._special = dict(special_tokens)
        all_steps: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {**STEPS, CHARACTERS: CharacterMap(model.rules)}
        self._steps = [all_steps[step] for step in steps]
        self._stripping = tuple(stripping)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize.

        Args:
            texts: string tensor (n,), valid UTF-8.

        Returns:
            int32 ragged (n, None).
        """
        if not self._special:
            return self._encoded(texts)
        if self._stripping:
            tokens = "|".join(escaped(token) for token in self._stripping)
            texts = tf.strings.regex_replace(texts, f"[{_WHITESPACE}]+({tokens})", r"\1")
        pattern = "|".join(escaped(token) for token in sorted(self._special, key=len, reverse=True))
        # A text would end for the splitter at its first NUL; this is a control character that no model knows either.
        texts = tf.strings.regex_replace(texts, r"\x00", _CONTROL)
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
        # === A mark, or a space, begins a word; and so does a text that does not begin with one ===
        words = tf.strings.split(tf.strings.regex_replace(texts, MARK, " "), " ")
        owners = row_of_each(words.row_lengths(), tf.size(words.values))
        is_first = tf.range(tf.size(words.values, tf.int64)) == tf.gather(words.row_starts(), owners)
        is_word = ~is_first | (words.values != "")
        ids = self._words(tf.strings.join([MARK, tf.boolean_mask(words.values, is_word)]))
        lengths = tf.math.unsorted_segment_sum(ids.row_lengths(), tf.boolean_mask(owners, is_word), words.nrows())
        return tf.RaggedTensor.from_row_lengths(ids.values, lengths, validate=False)
