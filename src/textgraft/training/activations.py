"""What the trained blocks of a network see of each text, computed once and kept on disk while the training runs."""

import shutil
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from textgraft.errors import TrainingError
from textgraft.training.batches import by_length
from textgraft.training.inputs import TokenIds
from textgraft.training.ragged import Ragged

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


def require_room(tokens: int, dim: int, dtype: str) -> None:
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


def activations_of(
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
