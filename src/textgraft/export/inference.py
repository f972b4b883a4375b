"""`inference.json` of an exported model: what a program must know beside tokenizer and network.

Keys: "task"; "problem" of a classifier; "labels", and "classes" in the type of the training's labels; "thresholds" of
sets; "pairs"; "sequence_length" and "truncation"; "special", ids of tokens; "prompt" before each text; of entities
"tags", "decoding", "word_pattern" and "space_before_words"; "ngrams" of a wheel, see `ngrams.graph.counting_settings`.
"""

import json
from dataclasses import asdict
from typing import Any

from textgraft.errors import ConfigError
from textgraft.tasks.base import Task

INFERENCE = "inference.json"


def inference_settings(model: Task) -> dict[str, Any]:
    """The settings of a model.

    Raises:
        ConfigError: for what the formats without a text graph cannot compute: the cleaning of texts.
    """
    architecture, special = model.architecture, model.backbone.special_tokens
    if steps := [name for name, is_on in asdict(architecture.cleaning).items() if is_on]:
        raise ConfigError(
            f"cleaning ({', '.join(steps)}) is exported to savedmodel only; choose it, or train on clean texts"
        )
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
