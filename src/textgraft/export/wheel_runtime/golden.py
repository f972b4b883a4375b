"""Comparison of answers with those that are stored in the package."""

import json
from pathlib import Path

from textgraft.evaluation.answer_comparison import largest_difference

from .model import Model

GOLDEN = "golden.json"


def compare(model: Model, folder: Path) -> float:
    """Compare a model's answers with those in golden.json of a folder; see `largest_difference`.

    Raises:
        ValueError: when an answer differs, or the file is damaged.
        OSError: when it cannot be read.
    """
    try:
        stored = json.loads((folder / GOLDEN).read_text("utf-8"))
        texts = model.checked(list(stored["texts"]))
        tolerance, expected = float(stored["tolerance"]), dict(stored["answers"])
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / GOLDEN} is damaged: {error}") from error
    return largest_difference(model.stored_answers(texts), expected, texts, lambda name: tolerance)
