"""What a model folder says of the texts without labels that its training got; does not import TensorFlow."""

from collections.abc import Mapping
from typing import Any

from textgraft.errors import counted
from textgraft.storage.schema import NUMBER, STRING, Integer, Object

CO_TRAINING = "co_training"  # the field of config.json

CO_TRAINING_SCHEMA = Object(
    {
        "not_used_because": STRING,  # why the texts are not used; empty where they are
        "source": STRING,
        "texts": Integer(1),
        "sha256": STRING,
        "labelled": Integer(0),
        "held_out": Integer(0),
        "loss_before": NUMBER,
        "loss_after": NUMBER,
        "loss_error": NUMBER,  # the standard error of the difference
        "accuracy_before": NUMBER,
        "accuracy_after": NUMBER,
        "temperature": NUMBER,
    },
    {"confidence": NUMBER},  # the lowest calibrated probability of a label, where a network is trained on it
)


def describe_co_training(facts: Mapping[str, Any]) -> str:
    """A field of the config in a few words."""
    figures = (
        ""
        if not facts["held_out"]
        else f"; on {counted(facts['held_out'], 'held-out text')}: "
        + ", ".join(
            f"{name} {facts[f'{key}_before']:.3f} -> {facts[f'{key}_after']:.3f}"
            for name, key in (("log loss", "loss"), ("accuracy", "accuracy"))
        )
    )
    if facts["not_used_because"]:
        return f"not used: {facts['not_used_because']}{figures}"
    probability = f" with a probability of at least {facts['confidence']:.2f}" if "confidence" in facts else ""
    return f"{facts['labelled']:,} of {counted(facts['texts'], 'unlabelled text')} labelled{probability}{figures}"
