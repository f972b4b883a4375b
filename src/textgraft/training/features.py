"""Outputs of the frozen part of a network, computed once per text and stored on disk.

A frozen backbone gives one vector per text, which later runs reuse; frozen lower blocks give one vector per token,
which are stored while the run lasts.
"""

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.keras_private import is_seed_state
from textgraft.errors import TrainingError
from textgraft.runtime import thread_pool
from textgraft.storage.array_cache import ArrayCache, ArraySpec
from textgraft.storage.finite import is_finite
from textgraft.training.inference import batches_by_length, compute_outputs, inference_step
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds

_MAX_ROWS = 256  # per batch
_GIB = 2**30

# Texts per cache entry: enough to sort by length, few enough that an interrupted run loses little.
_CHUNK = 4096


class _TemporaryFile:
    """Rows in an unnamed file, whose disk space is freed however the process ends."""

    def __init__(self, lengths: np.ndarray) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as this object)
        self.lengths = lengths
        weakref.finalize(self, self.file.close)

    def __len__(self) -> int:
        return len(self.lengths)

    def write(self, offset: int, array: np.ndarray) -> None:
        """Write through the file, since a full disk would end a process that writes through a memory map.

        Raises:
            TrainingError: when the disk is full.
        """
        try:
            self.file.seek(offset)
            self.file.write(array.tobytes())
            self.file.flush()
        except OSError as error:
            raise TrainingError(
                f"cannot store vectors in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a larger disk"
            ) from error


class Vectors(_TemporaryFile):
    """One vector per text; `values`, float32 (n, dim), are mapped from the file."""

    def __init__(self, rows: int, dim: int) -> None:
        super().__init__(np.ones(rows, np.int64))
        self.file.truncate(max(1, 4 * rows * dim))
        self.values = np.memmap(self.file, np.float32, "r", shape=(rows, dim))
        self.spec = tf.TensorSpec([None, dim], tf.float32)

    def put(self, rows: slice, vectors: np.ndarray) -> None:
        """Store the vectors of some rows, float32 (b, dim).

        Raises:
            TrainingError: when a value is not finite, or the disk is full.
        """
        _require_finite(vectors, "the backbone", "--precision float32")
        self.write(rows.start * self.values.strides[0], vectors)

    def batch(self, rows: np.ndarray) -> tf.Tensor:
        """Float32 (b, dim)."""
        return tf.constant(self.values[rows])


class Activations(_TemporaryFile):
    """One vector per token, as "float16" or "float32"; `lengths`, int64 (n,), are tokens per text."""

    def __init__(self, lengths: np.ndarray, dim: int, dtype: str) -> None:
        super().__init__(lengths)
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])
        self._shape, self._dtype = (int(self._offsets[-1]), dim), np.dtype(dtype)
        self.spec = tf.RaggedTensorSpec([None, None, dim], tf.as_dtype(dtype), ragged_rank=1)
        self._rows = Ragged(np.empty((0, dim), self._dtype), np.empty(0, np.int64))

    def put(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Store the concatenated vectors of some texts, float32 (tokens, dim).

        Raises:
            TrainingError: when a value is not finite, or the disk is full.
        """
        with np.errstate(over="ignore"):
            narrow = vectors.astype(self._dtype)
        _require_finite(narrow, "the frozen blocks", "--cache-dtype float32 or --precision float32")
        for row, end in zip(rows, np.cumsum(self.lengths[rows]), strict=True):
            offset = int(self._offsets[row]) * self._shape[1] * self._dtype.itemsize
            self.write(offset, narrow[end - self.lengths[row] : end])

    def finish_writing(self) -> None:
        """Map the complete file for reading."""
        values = np.memmap(self.file, self._dtype, "r", shape=self._shape) if self._shape[0] else self._rows.values
        self._rows = Ragged(values, self.lengths)

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Ragged (b, None, dim), in the stored precision."""
        return self._rows[rows].tensor()


def _require_finite(outputs: np.ndarray, source: str, option: str) -> None:
    if not is_finite(outputs):
        raise TrainingError(f"an output of {source} is not a finite {outputs.dtype.name}; try {option}")


def check_disk_space(tokens: int, dim: int, dtype: str) -> None:
    """Raise `TrainingError` unless the temporary disk has space for `Activations`; `tokens` counts all texts."""
    required = tokens * dim * np.dtype(dtype).itemsize
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if required > free:
        raise TrainingError(
            f"outputs of the frozen blocks need {required / _GIB:.1f} GiB in {tempfile.gettempdir()}, which has "
            f"{free / _GIB:.1f} GiB free; set TMPDIR to a larger disk"
        )


def store_activations(
    frozen: Callable[[Any], tf.RaggedTensor],
    tokens: TokenIds,
    activations: Activations,
    batch_tokens: int,
    on_batch: Callable[[int], None],
) -> Activations:
    """Compute and store the outputs of frozen blocks; fills and returns `activations`.

    `batch_tokens` counts padding, and `on_batch` is called after each batch with its number of texts.
    """
    for rows in batches_by_length(tokens.lengths, batch_tokens, _MAX_ROWS):
        activations.put(rows, frozen(tokens.batch(rows)).values.numpy())
        on_batch(len(rows))
    activations.finish_writing()
    return activations


class FeatureExtractor:
    """A frozen backbone with pooling, and the cache of its vectors.

    Args:
        pool: (batch of token ids, training) to vectors, float32 (b, dim).
        spec: type of such a batch.
        backbone: runs in `pool`.
        settings: JSON values: pooling, computation and anything else that is not part of the backbone.
        cache: stores the vectors.
        batch_tokens: maximum tokens per batch, padding included; by default that of the backbone's training.
    """

    def __init__(
        self,
        pool: Callable[..., tf.Tensor],
        spec: Any,
        backbone: Backbone,
        settings: Mapping[str, Any],
        cache: ArrayCache,
        batch_tokens: int | None = None,
    ) -> None:
        self._dim = backbone.dim
        self._batch_tokens = batch_tokens or backbone.training_defaults.batch_tokens
        self._infer = inference_step(pool, spec)
        self._cache, self._warnings = cache, set[str]()
        identity = {**settings, "family": backbone.family, "backbone": backbone.config()}
        weights = [weight for weight in backbone.network.weights if not is_seed_state(weight)]
        digests = b"".join(thread_pool().map(_digest, weights))
        self._identity = hashlib.sha256(json.dumps(identity, sort_keys=True).encode() + digests).digest()

    def extract(self, tokens: TokenIds, on_batch: Callable[[int], None], warn: Callable[[str], None]) -> Vectors:
        """The vector of each text.

        `on_batch` is called with the number of texts in each batch, `warn` with each different line when vectors
        cannot be cached.

        Raises:
            TrainingError: when a value is not finite, or the disk is full.
        """
        vectors = Vectors(len(tokens), self._dim)
        for start in range(0, len(tokens), _CHUNK):
            rows = slice(start, min(start + _CHUNK, len(tokens)))
            chunk = tokens.select(rows)
            key = chunk.digest(self._identity)
            cached = self._cache.get(key, [ArraySpec("float32", (len(chunk), self._dim))])
            if cached:
                (values,) = cached
                on_batch(len(chunk))
            else:
                values = compute_outputs(self._infer, chunk, self._batch_tokens, on_batch)
            vectors.put(rows, values)
            problem = None if cached else self._cache.put(key, [values])
            if problem and problem not in self._warnings:
                self._warnings.add(problem)
                warn(problem)
        return vectors

    def estimate_seconds(self, tokens: TokenIds, texts: int = 256) -> float:
        """Time the extraction of the first texts and scale it to all."""
        sample = tokens.select(slice(0, min(texts, len(tokens))))
        self._infer(sample.batch(np.arange(1)))  # compiles
        start = time.monotonic()
        compute_outputs(self._infer, sample, self._batch_tokens)
        return (time.monotonic() - start) * float(tokens.lengths.sum() / max(1, sample.lengths.sum()))


def _digest(weight: keras.Variable) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(weight.numpy()).reshape(-1).view(np.uint8).data).digest()
