"""config.json and the tokenizer's files of a model, as readers of Hugging Face folders expect them."""

import json
from typing import Any

from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.errors import ConfigError
from textgraft.tasks.base import Task

CONFIG, TOKENIZER = "config.json", "tokenizer.json"

# The ends of the names of transformers' classes, by task.
_HEADS = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "feature-extraction": "Model",
}
PROBLEM_TYPES = {SINGLE: "single_label_classification", MULTI: "multi_label_classification", REGRESSION: "regression"}


def hugging_face_config(model: Task) -> dict[str, Any]:
    """config.json of a model: its network, and id2label and label2id of its outputs.

    Raises:
        ConfigError: for a task or a network that has no form in transformers.
    """
    if model.name not in _HEADS:
        raise ConfigError(f"models for {model.name} are not exported to this format; use savedmodel")
    config = {
        "architectures": [model.backbone.hugging_face_class(_HEADS[model.name])],
        **model.backbone.hugging_face_config(),
    }
    problem = getattr(getattr(model, "objective", None), "name", "")
    names = model.output_labels or (("LABEL_0",) if problem == REGRESSION else ())
    if names:
        config["id2label"] = {str(index): name for index, name in enumerate(names)}
        config["label2id"] = {name: index for index, name in enumerate(names)}
    if problem in PROBLEM_TYPES:
        config["problem_type"] = PROBLEM_TYPES[problem]
    return config


def hugging_face_files(model: Task) -> dict[str, bytes]:
    """The content of config.json and of the tokenizer's files by name; the tokenizer truncates as the model does.

    Raises:
        ConfigError: see `hugging_face_config`.
    """
    config = json.dumps(hugging_face_config(model), ensure_ascii=False, indent=1)
    tokenizer = model.backbone.hugging_face_tokenizer(model.architecture.sequence_length)
    return {CONFIG: f"{config}\n".encode(), **tokenizer}
