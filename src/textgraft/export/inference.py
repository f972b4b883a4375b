"""`inference.json` of an exported model: what a program must know beside tokenizer and network.

Keys: "task"; "problem" of a classifier; "labels", and "classes" in the type of the training's labels; "thresholds" of
sets, or "abstain_below" and "set_threshold" of a classifier that has them; "pairs"; "sequence_length" and "truncation";
"special", ids of tokens; "prompt" before each text; of entities "tags", "decoding", "word_pattern",
"space_before_words", "scoring" and, where they are not 1 and 0, "temperature" and "min_confidence"; of a wheel
"cleaning", see `cleaning_steps`, and "ngrams", see `ngrams.graph.counting_settings`.
"""

import json
from typing import Any

from textgraft.tasks.base import Task

INFERENCE = "inference.json"


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
