"""`inference.json` of an exported model: what a program must know beside tokenizer and network.

Keys: "task"; "problem" of a classifier; "labels", and "classes" in the type of the training's labels; "thresholds" of
sets, or "abstain_below", "set_threshold" and "reject_above" of a classifier that has them; "pairs"; "sequence_length"
and "truncation"; "special", ids of tokens; "prompt" before each text; of entities "tags", "decoding", "word_pattern",
"space_before_words", "scoring" and, where it is not 0, "min_confidence"; of a wheel "cleaning", see `cleaning_steps`,
and "ngrams", see `ngrams.graph.counting_settings`.
"""

import json
from collections.abc import Mapping
from typing import Any

from textgraft.tasks.base import Task
from textgraft.tasks.objectives.multi_label import DEFAULT_THRESHOLD

INFERENCE = "inference.json"

_THRESHOLDS = ("abstain_below", "set_threshold", "reject_above", "min_confidence")


def inference_settings(model: Task) -> dict[str, Any]:
    """The settings of a model."""
    architecture, special = model.architecture, model.backbone.special_tokens
    return {
        "task": model.name,
        "pairs": model.pairs,
        "sequence_length": architecture.sequence_length,
        "truncation": architecture.truncation,
        "special": {name: getattr(special, name) for name in ("start", "end", "pad", "unknown")},
        "prompt": "",
        **model.inference_settings(),
    }


def inference_file(settings: dict[str, Any]) -> bytes:
    """The content of the file."""
    return f"{json.dumps(settings, indent=1)}\n".encode()


def threshold_needs(settings: Mapping[str, Any], file: str) -> list[str]:
    """The thresholds that programs must apply themselves which read the outputs of a network; a file has them."""
    are_sets = any(threshold != DEFAULT_THRESHOLD for threshold in settings.get("thresholds", ()))
    names = ["the thresholds"] if are_sets else []
    return [f"{name} in {file}" for name in (*names, *(name for name in _THRESHOLDS if name in settings))]
