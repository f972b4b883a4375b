"""Build a SavedModel with the structure of TF-Hub's published text embeddings, such as nnlm-en-dim50/2.

    python tools/make_hub_module.py OUT --words CORPUS.parquet --size 963812 --dim 50

The vectors are random: the module has the shape and cost of the published one, not its knowledge. As in the published
exporter (tensorflow/hub, examples/text_embeddings_v2), `__call__` calls a separate function for tokenization.
"""

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf


class TextEmbedding(tf.train.Checkpoint):
    """Splits on single spaces, looks words up in a table with hash buckets, combines their vectors by sqrtn."""

    def __init__(self, vocabulary: Path, vectors: np.ndarray, oov_buckets: int, normalize: bool) -> None:
        """Create the table and the variables.

        Args:
            vocabulary: a text file with one word per line.
            vectors: float32 (words + oov_buckets, dim).
            oov_buckets: number of rows into which out-of-vocabulary words are hashed.
            normalize: whether to remove punctuation.
        """
        super().__init__()
        self._normalize = normalize
        self._asset = tf.saved_model.Asset(str(vocabulary))
        initializer = tf.lookup.TextFileInitializer(
            self._asset, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self._table = tf.lookup.StaticVocabularyTable(initializer, num_oov_buckets=oov_buckets)
        self.embeddings = tf.Variable(vectors, name="embeddings")
        self.variables = [self.embeddings]
        self.trainable_variables = [self.embeddings]
        self.regularization_losses: list[tf.Tensor] = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, sentences: tf.Tensor) -> tf.Tensor:
        """Sentences (n,) to vectors (n, dim)."""
        ids = tf.SparseTensor(*self._tokenize(sentences))
        return tf.nn.safe_embedding_lookup_sparse(self.embeddings, ids, None, combiner="sqrtn")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def _tokenize(self, sentences: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        if self._normalize:
            sentences = tf.strings.regex_replace(sentences, r"\pP", "")
        tokens = tf.strings.split(tf.reshape(sentences, [-1]), " ").to_sparse()
        tokens, _ = tf.sparse.fill_empty_rows(tokens, "")
        tokens = tf.sparse.reset_shape(tokens)
        return tokens.indices, self._table.lookup(tokens.values), tokens.dense_shape


def make_hub_module(out: Path, words: list[str], vectors: np.ndarray, oov_buckets: int, normalize: bool) -> None:
    """Save a module.

    Args:
        out: folder to write.
        words: the vocabulary.
        vectors: float32 (len(words) + oov_buckets, dim).
        oov_buckets: see `TextEmbedding`.
        normalize: True for the `-with-normalization` kind.
    """
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "tokens.txt"
        vocabulary.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        module = TextEmbedding(vocabulary, vectors, oov_buckets, normalize)
        module(tf.constant([""]))
        tf.saved_model.save(module, str(out))


def texts_of(corpus: Path) -> Iterator[str]:
    """The column `text` of a Parquet or CSV file, or the lines of a text file."""
    if corpus.suffix == ".parquet":
        for batch in pq.ParquetFile(corpus).iter_batches(columns=["text"]):
            yield from batch.column("text").to_pylist()
    else:
        with corpus.open(newline="", encoding="utf-8") as file:
            yield from (row["text"] for row in csv.DictReader(file)) if corpus.suffix == ".csv" else file


def frequent_words(corpus: Path, size: int) -> list[str]:
    """The most frequent words of a corpus, padded with made-up ones.

    Args:
        corpus: a Parquet or CSV file with a column `text`, or a text file.
        size: number of words.
    """
    counts: Counter[str] = Counter()
    for text in texts_of(corpus):
        counts.update(text.split())
    words = [word for word, _ in counts.most_common(size)]
    return words + [f"made-up-word-{index}" for index in range(size - len(words))]


def main() -> None:
    """Make a module from the command line."""
    parser = argparse.ArgumentParser(description="Build a TF-Hub-like text embedding with random vectors.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--words", type=Path, required=True, help="Parquet or CSV with a column text, or a text file")
    parser.add_argument("--size", type=int, default=963_812)
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--oov-buckets", type=int, default=1)
    parser.add_argument("--normalize", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    words = frequent_words(arguments.words, arguments.size - arguments.oov_buckets)
    random = np.random.default_rng(arguments.seed)
    vectors = random.normal(scale=0.1, size=(arguments.size, arguments.dim)).astype(np.float32)
    make_hub_module(arguments.out, words, vectors, arguments.oov_buckets, arguments.normalize)


if __name__ == "__main__":
    main()
