"""Words of texts with their counts, in bounded memory, and the tokens that they consist of."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from textgraft.tokenizers.base import Tokenizer
from textgraft.training.ragged import Ragged, concatenate_rows

_MAX_DISTINCT = 1_000_000  # words in memory; beyond them, those with the lowest counts are dropped
_MIN_COUNT = 5  # of a word that becomes a token
_BATCH = 4096


class WordCounts:
    """How often words occur in texts.

    Attributes:
        words: UTF-8 bytes, the most frequent first.
        counts: int64 (n,).
    """

    def __init__(self, tokenizer: Tokenizer, texts: Iterable[np.ndarray]) -> None:
        """Count the words, as `tokenizer.split` splits them, of batches of UTF-8 bytes, object (n,)."""
        counter, lowest = Counter[bytes](), 1

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def count(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            words, _, counts = tf.unique_with_counts(tokenizer.split(batch).values, tf.int64)
            return words, counts

        for batch in texts:
            words, counts = count(tf.constant(batch, tf.string))
            counter.update(dict(zip(words.numpy(), counts.numpy().tolist(), strict=True)))
            while len(counter) > _MAX_DISTINCT:
                counter = Counter({word: number for word, number in counter.items() if number > lowest})
                lowest *= 2
        ordered = counter.most_common()
        self.words, self.counts = [word for word, _ in ordered], np.array([number for _, number in ordered], np.int64)

    def new_tokens(self, tokenizer: Tokenizer, unknown: int, limit: int) -> list[Sequence[int]]:
        """Token ids of the most frequent words of letters that have several tokens, at most `limit` words."""
        frequent = int(np.searchsorted(-self.counts, -_MIN_COUNT, side="right"))
        words = [word for word in self.words[:frequent] if word.decode().isalpha()]
        rows = _tokenize(tokenizer, words)
        ids = np.split(rows.values, np.cumsum(rows.lengths)[:-1])
        return [row.tolist() for row in ids if len(row) > 1 and unknown not in row][:limit]

    def token_frequencies(self, tokenizer: Tokenizer) -> np.ndarray:
        """Share of each token of the texts, float64 (tokens,); each token is counted once more than it occurs."""
        rows = _tokenize(tokenizer, self.words)
        weights = np.repeat(self.counts, rows.lengths)
        counts = 1 + np.bincount(rows.values, weights, minlength=len(tokenizer.vocabulary))
        frequencies: np.ndarray = counts / counts.sum()
        return frequencies


def _tokenize(tokenizer: Tokenizer, words: Sequence[bytes]) -> Ragged:
    """The token ids of each word, as after white space."""
    batches = [words[start : start + _BATCH] for start in range(0, len(words), _BATCH)]
    tensors = [tf.constant(batch, tf.string) for batch in batches] or [tf.constant([], tf.string)]
    parts = [Ragged.from_tensor(tokenizer.tokenize_words(batch, tf.ones_like(batch, tf.bool))) for batch in tensors]
    return concatenate_rows(parts)  # type: ignore[no-any-return]
