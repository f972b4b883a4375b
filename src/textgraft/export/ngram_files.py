"""The n-grams beside a network as a file of NumPy and settings in `inference.json`, for the package for pip."""

from io import BytesIO
from typing import Any

import numpy as np

from textgraft.ngrams.graph import counting_settings
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier

WEIGHTS = "ngrams.npy"


def ngram_settings(model: Task) -> dict[str, Any]:
    """The key of `inference.json`; none for a model without n-grams."""
    return {"ngrams": counting_settings()} if _ngrams(model) else {}


def ngram_files(model: Task) -> dict[str, FileContent]:
    """The file with a row of bucket, scale and kernel for each feature, and last the bias; float32.

    Kernel and bias have the map of the model's outputs in them; see `Task.output_map`.
    """
    ngrams, output_map = _ngrams(model), model.output_map()
    if ngrams is None or output_map is None:
        return {}
    buckets, scale, kernel, bias = (weight.numpy() for weight in ngrams.weights.values())
    factors, _ = output_map
    table = np.zeros((len(buckets) + 1, 2 + factors.shape[1]), np.float32)
    table[:-1, 0], table[:-1, 1] = buckets, scale
    table[:, 2:] = np.concatenate([kernel, bias[np.newaxis]]).astype(np.float64) @ factors
    file = BytesIO()
    np.save(file, table, allow_pickle=False)
    return {WEIGHTS: [file.getvalue()]}


def _ngrams(model: Task) -> Any:
    return model.ngrams.model if isinstance(model, TextClassifier) and model.ngrams else None
