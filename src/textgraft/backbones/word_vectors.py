"""Word vectors: a trainable vector per word, from a TF-Hub text embedding or a text file (GloVe, word2vec)."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone, FitDefaults, Origin, SpecialTokens
from textgraft.errors import PresetError
from textgraft.text.id_graph import IdGraph, cut, trace_splitting

_GRAPH, _VOCABULARY = "tokenizer.pb", "vocab.txt"
_TEXT_FILES = (".txt", ".vec", ".txt.gz", ".vec.gz")
_ROWS_AT_ONCE = 8192


class WordVectors(Backbone):
    """Words looked up in a table; those outside it share the rows after the last word."""

    family = "word_vectors"
    poolings = ("sqrtn", "mean", "max")
    fit_defaults = FitDefaults(
        learning_rate=1e-3,
        epochs=10,
        batch_size=128,
        optimizer="adam",
        schedule="constant",
        clip_norm=0.0,
        sequence_length=None,
    )
    special_tokens = SpecialTokens(start=None, end=None, pad=0)
    max_sequence_length = None

    def __init__(self, graph: bytes, words: Sequence[str], config: Mapping[str, Any], origin: Origin) -> None:
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
        self._tokenizer = IdGraph(graph, words, f"{origin.preset}: its text graph")
        self.default_pooling = config["pooling"]
        self.origin = origin

        # === Layers ===
        # In float32 under any precision: a lookup multiplies nothing, and small updates to rare words would be lost.
        self._table = keras.layers.Embedding(
            config["rows"], config["dim"], embeddings_initializer="zeros", dtype="float32", name="word_embedding"
        )

        # === Functional model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        real = keras.ops.cast(keras.ops.expand_dims(padding_mask, -1), "float32")
        self.network = keras.Model(
            {"token_ids": token_ids, "padding_mask": padding_mask}, self._table(token_ids) * real, name="word_vectors"
        )

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether `path` is a SavedModel folder or a text file of vectors, by its name."""
        return (path / "saved_model.pb").is_file() or (path.is_file() and path.name.endswith(_TEXT_FILES))

    @classmethod
    def from_pretrained(cls, path: Path, origin: Origin, precision: str) -> Self:
        """Read a TF-Hub text embedding's SavedModel, or a text file of vectors.

        A SavedModel is a program, and opening it runs the part that restores its tables: take it from those you trust.
        """
        if path.is_dir():
            graph, words, vectors, pooling = _read_module(path)
        else:
            words, vectors = _read_text(path)
            graph, pooling = trace_splitting(), "mean"
        config = {"rows": vectors.shape[0], "dim": vectors.shape[1], "pooling": pooling}
        backbone = cls(graph, words, config, origin)
        backbone._table.embeddings.assign(vectors)
        return backbone

    @classmethod
    def from_config(cls, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str) -> Self:
        """Rebuild with zeros for vectors; the caller sets them."""
        words = (assets / _VOCABULARY).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        return cls((assets / _GRAPH).read_bytes(), words, config, origin)

    def config(self) -> dict[str, Any]:
        """The size of the table and the pooling it was made for."""
        return dict(self._config)

    def assets(self) -> dict[str, bytes]:
        """The words, a line each, and the graph from text to ids."""
        return {_VOCABULARY: "".join(f"{word}\n" for word in self._words).encode(), _GRAPH: self._graph}

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Ids as the module's own graph gives them."""
        return self._tokenizer(texts)

    def token(self, token_id: int) -> str:
        """The word behind an id; `<oov 0>` is the first row for words outside the table."""
        return self._words[token_id] if token_id < len(self._words) else f"<oov {token_id - len(self._words)}>"


def _read_module(path: Path) -> tuple[bytes, list[str], np.ndarray, str]:
    try:
        module = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PresetError(f"{path}: the SavedModel could not be read: {reason}") from error
    found = cut(_text_function(module, path), str(path))
    if any("\n" in word for word in found.words):
        raise PresetError(f"{path}: a word of its table holds a line break; it cannot be read")
    return found.graph, found.words, found.variable.numpy(), found.pooling


def _text_function(module: Any, path: Path) -> tf.types.experimental.ConcreteFunction:
    """The module's function from strings (n,) to vectors (n, dim)."""
    functions = getattr(module.__call__, "concrete_functions", []) if callable(module) else []
    for function in functions:
        tensors = tf.nest.flatten(function.structured_input_signature)
        outputs = tf.nest.flatten(function.structured_outputs)
        takes_texts = [(spec.dtype, spec.shape.rank) for spec in tensors] == [(tf.string, 1)]
        if takes_texts and [(spec.dtype, spec.shape.rank) for spec in outputs] == [(tf.float32, 2)]:
            return function
    raise PresetError(f"{path} is no TF-Hub text embedding: it has no function from strings (n,) to vectors (n, dim)")


def _read_text(path: Path) -> tuple[list[str], np.ndarray]:
    """Words, and float32 (words + 1, dim) with a row of zeros for all other words."""
    words: dict[str, int] = {}
    blocks: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    for word, vector in _text_lines(path):
        if word in words:  # the first one counts, as in the tools that write these files
            continue
        words[word] = len(words)
        rows.append(vector)
        if len(rows) == _ROWS_AT_ONCE:
            blocks.append(np.stack(rows))
            rows = []
    if not words:
        raise PresetError(f"{path} holds no word vectors")
    dim = (blocks[0] if blocks else rows[0]).shape[-1]
    return list(words), np.concatenate([*blocks, *([np.stack(rows)] if rows else []), np.zeros((1, dim), np.float32)])


def _text_lines(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Word and vector of each line; the word may hold spaces."""
    dim = 0
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, start=1):
                cells = line.rstrip("\n").rstrip(" ").split(" ")
                if number == 1 and len(cells) == 2 and all(cell.isdecimal() for cell in cells):
                    dim = int(cells[1])
                    continue
                dim = dim or len(cells) - 1
                yield " ".join(cells[:-dim]), _vector(path, number, cells, dim)
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
            raise PresetError(f"{path} is not readable as UTF-8 text: {error}") from error


def _vector(path: Path, number: int, cells: list[str], dim: int) -> np.ndarray:
    try:
        vector = np.array(cells[-dim:], np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if len(cells) <= dim or dim < 1 or len(vector) != dim or not np.isfinite(vector).all():
        raise PresetError(f"{path}, line {number}: expected a word and {max(dim, 1)} finite numbers")
    return vector
