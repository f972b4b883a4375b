"""The backbone of word vectors: texts split by a graph, and a table of vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Origin, SpecialTokens
from textgraft.backbones.embedding_table import EmbeddingTable
from textgraft.backbones.families.word_vectors import GRAPH, VOCABULARY, WordVectorFamily
from textgraft.backbones.tensorflow_files import load_saved_model
from textgraft.backbones.vector_files import read_vectors
from textgraft.errors import PresetError
from textgraft.tokenizers.id_graph import IdGraph, extract_embedding, trace_whitespace_splitting


class WordVectors(EmbeddingTable):
    """Words looked up in a table; words outside the vocabulary share the rows after the last word.

    Texts are split by the graph of the TF-Hub module, or at white space for a file of vectors.
    """

    poolings = WordVectorFamily.poolings
    family = WordVectorFamily.name
    training_defaults = WordVectorFamily.training_defaults

    def __init__(self, graph: bytes, words: Sequence[bytes], config: Mapping[str, Any], origin: Origin) -> None:
        """Build the table with zeros; the caller sets the vectors.

        Args:
            graph: from texts to ids, see `IdGraph`.
            words: in the order of their ids.
            config: "rows" and "dim" of the table, and its default "pooling".
            origin: source of the vectors.
        """
        self._graph = graph
        self._words = list(words)
        self._config = dict(config)
        # Unknown words have the first row after the words, if there is one.
        self.special_tokens = SpecialTokens(None, None, pad=0, unknown=min(len(words), config["rows"] - 1))
        self._tokenizer = IdGraph(graph, words, f"{origin.preset}: its text graph")
        self.default_pooling = config["pooling"]
        self.origin = origin

        self._build_table(config["rows"], config["dim"], "word_embedding")

    @classmethod
    def from_pretrained(
        cls, family: WordVectorFamily, path: Path, origin: Origin, precision: str, vocabulary_limit: int | None
    ) -> Self:
        """Read a TF-Hub text embedding or a file of vectors; the table is float32 in any precision.

        A SavedModel is a program, and loading it runs the part that restores its tables.
        """
        if path.is_file():
            words, vectors = read_vectors(path, vocabulary_limit)
            return cls._with_vectors(trace_whitespace_splitting(), words, vectors, "mean", origin)
        module = load_saved_model(path)  # kept until the end, since the function is deleted with it
        function = _text_function(module, path)
        backbone = cls._with_vectors(*extract_embedding(function, str(path)), origin)
        backbone.require_finite_weights(backbone.network)  # NaN is not equal to itself
        backbone._require_equal_outputs(function, path)
        return backbone

    @classmethod
    def from_config(
        cls, family: WordVectorFamily, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str
    ) -> Self:
        words = (assets / VOCABULARY).read_bytes().removesuffix(b"\n").split(b"\n")
        return cls((assets / GRAPH).read_bytes(), words, config, origin)

    def config(self) -> dict[str, Any]:
        return dict(self._config)

    def assets(self) -> dict[str, bytes]:
        return {VOCABULARY: b"".join(word + b"\n" for word in self._words), GRAPH: self._graph}

    def is_unknown(self, token_ids: np.ndarray) -> np.ndarray:
        return token_ids >= len(self._words)

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer(texts)

    @property
    def tables(self) -> tf.Module:
        return self._tokenizer

    def token(self, token_id: int) -> str:
        """The word with an id; `<oov 0>` is the first row for words outside the vocabulary."""
        if token_id < len(self._words):
            return self._words[token_id].decode(errors="replace")
        return f"<oov {token_id - len(self._words)}>"

    @classmethod
    def _with_vectors(
        cls, graph: bytes, words: Sequence[bytes], vectors: tf.Variable | np.ndarray, pooling: str, origin: Origin
    ) -> Self:
        if any(b"\n" in word for word in words):
            raise PresetError(f"{origin.preset}: a word has a line break, which a model folder cannot store")
        rows, dim = vectors.shape
        backbone = cls(graph, words, {"rows": rows, "dim": dim, "pooling": pooling}, origin)
        backbone.token_embedding.vectors.assign(vectors)
        return backbone

    def _require_equal_outputs(self, module: tf.types.experimental.ConcreteFunction, path: Path) -> None:
        """Raise a PresetError when the module computes more than its graph was understood to compute."""
        known_words = b" ".join([*self._words[:8], *self._words[-8:]])
        texts = tf.constant([b"", b"  ", b"?!", b"An unknown\tword, ", known_words])
        (expected,) = tf.nest.flatten(module(texts))
        ids = self.tokenize(texts).to_sparse()
        vectors = tf.nn.safe_embedding_lookup_sparse(
            self.token_embedding.vectors.value, ids, combiner=self.default_pooling
        )
        if not np.allclose(vectors, expected, rtol=1e-4, atol=1e-6):
            raise PresetError(
                f"{path} is not a supported text embedding: its vectors are not the {self.default_pooling} of the "
                "vectors of a text's words"
            )


def _text_function(module: Any, path: Path) -> tf.types.experimental.ConcreteFunction:
    """The module's function from strings (n,) to vectors (n, dim)."""
    call = getattr(module.__call__, "concrete_functions", []) if callable(module) else []
    for function in (*call, *module.signatures.values()):
        inputs, outputs = map(tf.nest.flatten, (function.structured_input_signature, function.structured_outputs))
        takes_texts = [(spec.dtype, spec.shape.rank) for spec in inputs] == [(tf.string, 1)]
        if takes_texts and [(spec.dtype.is_floating, spec.shape.rank) for spec in outputs] == [(True, 2)]:
            return function
    raise PresetError(
        f"{path} is not a TF-Hub text embedding: it has no function from strings (n,) to vectors (n, dim)"
    )
