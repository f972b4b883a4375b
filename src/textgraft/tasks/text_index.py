"""The training texts that a model keeps with their vectors, and the texts among them that are nearest to others."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from textgraft.data.dataset import Batch, Dataset
from textgraft.errors import ConfigError, TrainingError
from textgraft.model_folder.text_index import (
    MAX_INDEX_BYTES,
    Neighbour,
    Strings,
    TextIndex,
    describe_index,
    index_config,
    normalize_rows,
    quantize_vectors,
    why_no_index,
)
from textgraft.storage.finite import is_finite
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Run
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.inference import compute_outputs, inference_step

_BATCH = 2048
_DECIMALS = 4  # of a cosine, which int8 rounds
_BLOCK = 1 << 16  # vectors that are compared at once


def check_index(task: Task, config: TrainingConfig) -> None:
    """Raise a ConfigError where texts are to be kept by a model without a vector for each text."""
    spec = task_spec(task.name)
    if config.keep_index and (problem := why_no_index(spec.pooled, spec.labelled)):
        raise ConfigError(f"{problem}, a model for {task.name} does not; drop keep_index")


def make_index(run: Run, callback: Callback) -> TextIndex:
    """Store a sample of the training texts with their vectors by the trained model.

    Raises:
        TrainingError: where they are too large for their file, or a vector is not finite.
    """
    config, task = run.mode.config, run.mode.task
    data: Dataset = (run.refit or run).data["train"]
    order = np.random.default_rng(config.seed).permutation(len(data))
    sample = data.take(np.sort(order[: config.keep_index]))
    parts = []
    for vectors in TextEmbedding(task).vectors(batch.inputs for batch in sample.batches(_BATCH)):
        if not is_finite(vectors):
            raise TrainingError("a vector of a text has a value that is not a finite number; drop keep_index")
        parts.append(quantize_vectors(vectors))
    quantized, scales = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    index = TextIndex(quantized, scales, {name: Strings.of(_cells(sample, name)) for name in _columns(sample)})
    if index.nbytes > MAX_INDEX_BYTES:
        raise TrainingError(
            f"{len(index):,} texts take {index.nbytes:,} bytes, more than {MAX_INDEX_BYTES:,}; lower keep_index"
        )
    callback.on_message(f"the model folder will contain {describe_index(index_config(index))}")
    return index


class TextEmbedding:
    """Computes the vectors of texts that a task's head gets."""

    def __init__(self, task: Task) -> None:
        self._task, self._infer = task, inference_step(task.pool, task.input_spec)

    def vectors(self, texts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Vectors, float32 (m, dim), of each batch of texts, object (m,) or (m, 2) of UTF-8 bytes."""
        for batch in texts:
            tokens = self._task.tokenize([batch])
            yield compute_outputs(self._infer, tokens, self._task.batch_tokens)


class NearestTexts:
    """Finds the texts of an index whose vectors have the largest cosines with those of other texts."""

    def __init__(self, task: Task, index: TextIndex) -> None:
        self._index, self._embedding = index, TextEmbedding(task)

    def search(self, texts: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the nearest texts, int64 (n, count), the nearest first, and their cosines, float32 (n, count).

        `texts`, object (n,) or (n, 2), are few, and `count` is at most the size of the index.
        """
        (vectors,) = self._embedding.vectors([texts])
        units = normalize_rows(vectors.astype(np.float32))
        rows: np.ndarray = np.empty((len(texts), 0), np.int64)
        cosines: np.ndarray = np.empty((len(texts), 0), np.float32)
        for start in range(0, len(self._index), _BLOCK):
            block = slice(start, start + _BLOCK)
            products = (units @ self._index.vectors[block].astype(np.float32).T) * self._index.scales[block]
            block_rows = np.broadcast_to(np.arange(start, start + products.shape[1]), products.shape)
            rows, cosines = np.concatenate([rows, block_rows], axis=1), np.concatenate([cosines, products], axis=1)
            best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
            rows, cosines = (np.take_along_axis(values, best, axis=1) for values in (rows, cosines))
        return rows, np.clip(cosines, -1, 1)

    def find(self, texts: np.ndarray, count: int) -> list[list[Neighbour]]:
        """The nearest texts of each text, at most as many as there are; see `search`."""
        rows, cosines = self.search(texts, min(count, len(self._index)))
        return [
            [self.neighbour(row, round(similarity, _DECIMALS)) for row, similarity in zip(*both, strict=True)]
            for both in zip(rows.tolist(), cosines.astype(float).tolist(), strict=True)
        ]

    def neighbour(self, row: int, similarity: float) -> Neighbour:
        """The text of a row of the index."""
        columns = self._index.columns
        text = columns["text"][row]
        label = columns["label"][row] if "label" in columns else ""
        return Neighbour((text, columns["pair"][row]) if "pair" in columns else text, label, similarity)

    def __len__(self) -> int:
        return len(self._index)


def _columns(data: Dataset) -> list[str]:
    first: Batch = next(data.batches(1))
    return ["text", *(["pair"] if first.pairs is not None else []), *(["label"] if first.labels is not None else [])]


def _cells(data: Dataset, column: str) -> Iterator[bytes]:
    for batch in data.batches(_BATCH):
        cells: Any = {"text": batch.texts, "pair": batch.pairs, "label": batch.labels}[column]
        yield from (str(cell).encode() if column == "label" else cell for cell in cells)
