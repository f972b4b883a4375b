"""What the trained blocks of a network see of each text, computed once and kept on disk while the training runs."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.errors import TrainingError
from textgraft.storage.array_cache import ArrayCache
from textgraft.training.batches import by_length
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds


class Vectors:
    """One vector per text, in a file without a name: however the process ends, its room is free again.

    Attributes:
        values: float32 (n, dim), mapped from the file.
    """

    def __init__(self, rows: int, dim: int) -> None:
        """Lay out float32 (rows, dim)."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as this object)
        self._file.truncate(max(1, 4 * rows * dim))
        self.values = np.memmap(self._file, np.float32, "r", shape=(rows, dim))
        self.spec = tf.TensorSpec([None, dim], tf.float32)
        self.lengths = np.ones(rows, np.int64)

    def put(self, rows: slice, vectors: np.ndarray) -> None:
        """Store the vectors, float32 (b, dim), of these rows.

        Raises:
            TrainingError: when the disk is full; written through the map, that would end the process.
        """
        try:
            self._file.seek(rows.start * self.values.strides[0])
            self._file.write(np.asarray(vectors, np.float32).tobytes())
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"{tempfile.gettempdir()}: vectors cannot be stored: {error.strerror}; name a larger disk in TMPDIR"
            ) from error

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> tf.Tensor:
        """Float32 (b, dim)."""
        return tf.constant(self.values[rows])


_MOST_ROWS = 256  # in a batch
_GIB = 2**30


class Activations:
    """One row of vectors per text, in a file without a name: however the process ends, its room is free again.

    Attributes:
        spec: type of a batch.
        lengths: int64 (n,), tokens of each text.
    """

    def __init__(self, lengths: np.ndarray, dim: int, dtype: str) -> None:
        """Make room.

        Args:
            lengths: int64 (n,), tokens of each text.
            dim: width of a vector.
            dtype: "float16" or "float32".
        """
        self.lengths = lengths
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])
        self._shape, self._dtype = (int(self._offsets[-1]), dim), np.dtype(dtype)
        self.spec = tf.RaggedTensorSpec([None, None, dim], tf.as_dtype(dtype), ragged_rank=1)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as this object)
        self._rows = Ragged(np.empty((0, dim), self._dtype), np.empty(0, np.int64))

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def put(self, rows: np.ndarray, hidden: np.ndarray) -> None:
        """Store the vectors of these texts, float32 (tokens, dim), end to end.

        Raises:
            TrainingError: when one is not finite, or the disk is full.
        """
        with np.errstate(over="ignore"):
            narrow = hidden.astype(self._dtype)
        if not np.isfinite(narrow).all():
            raise TrainingError(
                f"what a frozen block gave is no finite {self._dtype.name}; try stored float32 or precision float32"
            )
        ends = np.cumsum(self.lengths[rows])
        try:
            for row, end in zip(rows, ends, strict=True):
                self._file.seek(int(self._offsets[row]) * self._shape[1] * self._dtype.itemsize)
                self._file.write(narrow[end - self.lengths[row] : end].tobytes())
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"{tempfile.gettempdir()}: what frozen blocks give cannot be stored: {error.strerror}; name a larger "
                "disk in TMPDIR"
            ) from error

    def seal(self) -> None:
        """All is stored: from now on it is read."""
        values = np.memmap(self._file, self._dtype, "r", shape=self._shape) if self._shape[0] else self._rows.values
        self._rows = Ragged(values, self.lengths)

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Ragged (b, None, dim), in the precision they are stored in."""
        return self._rows[rows].tensor()


def check_disk_space(tokens: int, dim: int, dtype: str) -> None:
    """Make sure that the disk has room for what is to be stored.

    Args:
        tokens: of all texts.
        dim: width of a vector.
        dtype: "float16" or "float32".

    Raises:
        TrainingError: when it has not.
    """
    needed, folder = tokens * dim * np.dtype(dtype).itemsize, tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TrainingError(
            f"{folder}: what frozen blocks give needs {needed / _GIB:.1f} GiB, {free / _GIB:.1f} are "
            "free; name a larger disk in TMPDIR"
        )


def store_activations(
    below: Callable[[tf.RaggedTensor], tf.RaggedTensor],
    tokens: TokenIds,
    room: Activations,
    batch_tokens: int,
    extracted: Callable[[int], None],
) -> Activations:
    """Compute what is to be stored of each text.

    Args:
        below: compiled; from token ids to vectors.
        tokens: of the texts.
        room: for them; it is returned filled.
        batch_tokens: most tokens at once, padding included.
        extracted: told how many texts each batch had.
    """
    for rows in by_length(tokens.lengths, batch_tokens, _MOST_ROWS):
        room.put(rows, below(tokens.batch(rows)).values.numpy())
        extracted(len(rows))
    room.seal()
    return room


# Enough to sort by length, few enough that little is lost when a run is cut short.
_TOGETHER = 4096


class FeatureExtractor:
    """A frozen backbone with a pooling, and the cache of its vectors."""

    def __init__(
        self,
        pool: Callable[..., tf.Tensor],
        spec: Any,
        backbone: Backbone,
        settings: Mapping[str, Any],
        cache: ArrayCache,
        batch_tokens: int | None = None,
    ) -> None:
        """Name what the vectors depend on beside the texts.

        Args:
            pool: (batch of token ids, training) to vectors, float32 (b, dim).
            spec: the type of such a batch.
            backbone: whose network `pool` runs.
            settings: JSON values: pooling, precision and all else that is neither weight nor backbone.
            cache: where vectors are kept.
            batch_tokens: most tokens at once, padding included; by default as many as the backbone trains with.
        """
        self._dim = backbone.dim
        self._batch_tokens = batch_tokens or backbone.training_defaults.batch_tokens
        self._infer = inference_step(pool, spec)
        self._identity = _identity(backbone, settings)
        self._cache = cache

    def extract(self, tokens: TokenIds, extracted: Callable[[int], None], note: Callable[[str], None]) -> Vectors:
        """The vector of each text.

        Args:
            tokens: of the texts.
            extracted: told how many texts each batch had.
            note: told when vectors cannot be kept.
        """
        stored = Vectors(len(tokens), self._dim)
        for rows in _runs(len(tokens)):
            part = tokens.part(rows)
            key = part.digest(self._identity)
            if found := self._cache.get(key):
                (values,) = found
                extracted(len(part))
            else:
                values = compute_outputs(self._infer, part, self._batch_tokens, extracted)
                if problem := self._cache.put(key, [values]):
                    note(problem)
            stored.put(rows, values)
        return stored

    def estimate_seconds(self, tokens: TokenIds, texts: int = 256) -> float:
        """Extract some texts, the first ones, and throw the vectors away; the seconds that all would take."""
        chosen = tokens.part(slice(0, min(texts, len(tokens))))
        self._infer(chosen.batch(np.arange(1)))  # compiles
        start = time.monotonic()
        compute_outputs(self._infer, chosen, self._batch_tokens)
        return (time.monotonic() - start) * float(tokens.lengths.sum() / max(1, chosen.lengths.sum()))


def _identity(backbone: Backbone, settings: Mapping[str, Any]) -> bytes:
    described = {**settings, "family": backbone.family, "backbone": backbone.config()}
    weights = [weight for weight in backbone.network.weights if "seed_generator_state" not in weight.path]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(_weight_digest, weights)
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode() + b"".join(parts)).digest()


def _weight_digest(weight: keras.Variable) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(weight.numpy()).reshape(-1).view(np.uint8).data).digest()


def _runs(rows: int) -> Iterator[slice]:
    return (slice(start, min(start + _TOGETHER, rows)) for start in range(0, rows, _TOGETHER))
