"""Word vectors: a trainable vector per word, from a TF-Hub text embedding or a file (GloVe, word2vec)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone, Origin, Reading, SpecialTokens
from textgraft.backbones.defaults import TrainingDefaults
from textgraft.backbones.hub_modules import is_encoder, is_module, opened
from textgraft.backbones.token_table import TokenTable
from textgraft.backbones.vector_files import SUFFIXES, read_vectors
from textgraft.errors import PresetError
from textgraft.text.packing import PairRows, ids_of
from textgraft.tokenizers.id_graph import IdGraph, extract_embedding, trace_whitespace_splitting

_GRAPH, _VOCABULARY = "tokenizer.pb", "vocab.txt"
# Pooling to the sum it is, and the divisor of that from the number of words.
_COMBINED = {
    "sqrtn": (tf.raw_ops.SparseSegmentSqrtNWithNumSegments, tf.sqrt),
    "mean": (tf.raw_ops.SparseSegmentMeanWithNumSegments, tf.identity),
}
# Of these: beside a GPU too, whose sparse products differ from run to run.
_PLACE = "CPU"


class WordVectors(Backbone):
    """Words looked up in a table; those outside it share the rows after the last word.

    A TF-Hub module splits texts as its own graph does; with a file of vectors, they are split at white space.
    """

    family = "word_vectors"
    poolings = ("sqrtn", "mean", "max")
    training_defaults = TrainingDefaults(
        learning_rate=1e-3,
        epochs=10,
        batch_size=128,
        batch_tokens=1 << 20,
        optimizer="adam",
        schedule="constant",
        clip_norm=0.0,
        sequence_length=None,
    )
    contextual = False
    max_sequence_length = None

    def __init__(self, graph: bytes, words: Sequence[bytes], config: Mapping[str, Any], origin: Origin) -> None:
        """Build the table with zeros; the caller sets the vectors.

        Args:
            graph: texts to ids, see `IdGraph`.
            words: in the order of their ids.
            config: "rows" and "dim" of the table, and the "pooling" it was made for.
            origin: where the vectors came from.
        """
        self._graph = graph
        self._words = list(words)
        self._config = dict(config)
        # The first row after the words, where there is one, is of unknown ones.
        self.special_tokens = SpecialTokens(None, None, pad=0, unknown=min(len(words), config["rows"] - 1))
        self._tokenizer = IdGraph(graph, words, f"{origin.preset}: its text graph")
        self.default_pooling = config["pooling"]
        self.origin = origin

        # === Layers ===
        # In float32 under any precision: a lookup multiplies nothing, and small updates to rare words would be lost.
        table = keras.layers.Embedding(
            config["rows"], config["dim"], embeddings_initializer="zeros", dtype="float32", name="word_embedding"
        )
        self.token_table = TokenTable(table, self.special_tokens.pad)

        # === Functional model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        real = keras.ops.cast(keras.ops.expand_dims(padding_mask, -1), "float32")
        self.network = keras.Model(
            {"token_ids": token_ids, "padding_mask": padding_mask}, table(token_ids) * real, name="word_vectors"
        )

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether `path` is a SavedModel folder or a file of vectors, by its name."""
        return (is_module(path) and not is_encoder(path)) or (path.is_file() and path.name.endswith(SUFFIXES))

    @classmethod
    def from_pretrained(cls, path: Path, origin: Origin, reading: Reading) -> Self:
        """Read a TF-Hub text embedding's SavedModel, or a file of vectors.

        A SavedModel is a program, and opening it runs the part that restores its tables: take it from those you trust.

        Args:
            path: a folder with saved_model.pb, or a file of words and their vectors.
            origin: kept as it is.
            reading: its precision is without effect: the table is float32 always.

        Raises:
            PresetError: when the module is no text embedding, or a line is malformed.
        """
        if path.is_dir():
            module = opened(path)  # the function dies with it
            function = _text_function(module, path)
            found = extract_embedding(function, str(path))
            backbone = cls._filled(found.graph, found.words, found.variable, found.pooling, origin)
            backbone._compare(function, path)
            return backbone
        words, vectors = read_vectors(path, reading.vocabulary_limit)
        return cls._filled(trace_whitespace_splitting(), words, vectors, "mean", origin)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str) -> Self:
        """Rebuild with zeros for vectors; the caller sets them."""
        words = (assets / _VOCABULARY).read_bytes().removesuffix(b"\n").split(b"\n")
        return cls((assets / _GRAPH).read_bytes(), words, config, origin)

    def config(self) -> dict[str, Any]:
        """The size of the table and the pooling it was made for."""
        return dict(self._config)

    def assets(self) -> dict[str, bytes]:
        """The words, a line each, and the graph from text to ids."""
        return {_VOCABULARY: b"".join(word + b"\n" for word in self._words), _GRAPH: self._graph}

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Ids as the module's own graph gives them."""
        return self._tokenizer(texts)

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Sums and means as products with the texts' sparse rows of word counts: no padding, no vector per token.

        The words of a pair are those of one text.
        """
        if pooling.method not in _COMBINED:
            return super().pool(rows, pooling, training)
        rows = ids_of(rows)
        places = tf.cast(self.token_table.rows(rows.values), tf.int64)
        return _combined(self.token_table.vectors.value, rows.with_values(places), pooling.method)

    def token(self, token_id: int) -> str:
        """The word behind an id; `<oov 0>` is the first row for words outside the table."""
        if token_id < len(self._words):
            return self._words[token_id].decode(errors="replace")
        return f"<oov {token_id - len(self._words)}>"

    @classmethod
    def _filled(
        cls, graph: bytes, words: Sequence[bytes], vectors: tf.Variable | np.ndarray, pooling: str, origin: Origin
    ) -> Self:
        if b"".join(words).count(b"\n"):
            raise PresetError(f"{origin.preset}: a word of its table holds a line break; it cannot be read")
        rows, dim = vectors.shape
        backbone = cls(graph, words, {"rows": rows, "dim": dim, "pooling": pooling}, origin)
        backbone.token_table.vectors.assign(vectors)
        return backbone

    def _compare(self, module: tf.types.experimental.ConcreteFunction, path: Path) -> None:
        """Refuse a module that does more to a text than what was found in its graph."""
        some = b" ".join([*self._words[:8], *self._words[-8:]])
        texts = tf.constant([b"", b"  ", b"?!", b"An unknown\tword, ", some])
        (expected,) = tf.nest.flatten(module(texts))
        ids = self.tokenize(texts).to_sparse()
        found = tf.nn.safe_embedding_lookup_sparse(self.token_table.vectors.value, ids, combiner=self.default_pooling)
        if not np.allclose(found, expected, rtol=1e-4, atol=1e-6):
            raise PresetError(
                f"{path} is no text embedding that can be read: its vectors are not the {self.default_pooling} "
                "of the vectors of a text's words"
            )


def _combined(table: tf.Tensor, places: tf.RaggedTensor, method: str) -> tf.Tensor:
    """The table's rows at int64 ragged (b, None), combined per text, to float32 (b, dim); nothing gives zeros."""
    texts, count = places.value_rowids(), places.nrows()
    combine, divisor = _COMBINED[method]

    # TensorFlow has a gradient for this, which takes four times as long as the product with the transposed counts.
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with tf.device(_PLACE):
            where = tf.stack([texts, places.values], axis=1)  # (t, 2)
            shape = tf.stack([count, tf.shape(table, tf.int64)[0]])
            ones = tf.ones_like(texts, tf.float32)
            words = tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=where, values=ones, dense_shape=shape)
            transposed = tf.raw_ops.SparseMatrixTranspose(input=words, type=tf.float32)
            divisors = divisor(tf.cast(tf.maximum(places.row_lengths(), 1), tf.float32))
            return tf.raw_ops.SparseMatrixMatMul(a=transposed, b=upstream / divisors[:, tf.newaxis])

    @tf.custom_gradient
    def combined(vectors: tf.Tensor) -> Any:
        with tf.device(_PLACE):
            return combine(data=vectors, indices=places.values, segment_ids=texts, num_segments=count), gradient

    return combined(table)


def _text_function(module: Any, path: Path) -> tf.types.experimental.ConcreteFunction:
    """The module's function from strings (n,) to vectors (n, dim)."""
    called = getattr(module.__call__, "concrete_functions", []) if callable(module) else []
    for function in (*called, *module.signatures.values()):
        takes, gives = map(tf.nest.flatten, (function.structured_input_signature, function.structured_outputs))
        takes_texts = [(spec.dtype, spec.shape.rank) for spec in takes] == [(tf.string, 1)]
        if takes_texts and [(spec.dtype.is_floating, spec.shape.rank) for spec in gives] == [(True, 2)]:
            return function
    raise PresetError(f"{path} is no TF-Hub text embedding: it has no function from strings (n,) to vectors (n, dim)")
