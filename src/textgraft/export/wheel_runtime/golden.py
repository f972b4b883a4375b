"""Comparison of answers with those that are stored in the package."""

import json
from pathlib import Path

from textgraft.export.answer_comparison import largest_difference

from .model import Model

GOLDEN = "golden.json"


def compare(model: Model, folder: Path) -> float:
    """Compare a model's answers with those in golden.json of a folder; see `largest_difference`."""
    stored = json.loads((folder / GOLDEN).read_text("utf-8"))
    texts = [text if isinstance(text, str) else tuple(text) for text in stored["texts"]]
    tolerance: float = stored["tolerance"]
    return largest_difference(model.stored_answers(texts), stored["answers"], texts, lambda name: tolerance)
