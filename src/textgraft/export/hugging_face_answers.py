"""What a model in a Hugging Face folder needs of its texts, and the answers from its outputs."""

from collections.abc import Mapping
from typing import Any

from textgraft.data.labels import MULTI, REGRESSION
from textgraft.errors import ConfigError
from textgraft.export.hugging_face_files import PROBLEM_TYPES
from textgraft.tasks.base import Task
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.text_classification import TextClassifier

# The key of config.json with what only textgraft uses; transformers keeps it.
SETTINGS = "textgraft"


def require_plain_texts(model: Task, lowercase: bool = False) -> None:
    """Check that a tokenizer of Hugging Face prepares texts as a model does.

    Args:
        model: of any task.
        lowercase: whether the format lower-cases texts.

    Raises:
        ConfigError: for another truncation, and for cleaning.
    """
    architecture = model.architecture
    if architecture.truncation != "head":
        raise ConfigError(
            f"tokenizers of Hugging Face have no truncation {architecture.truncation}; use savedmodel, or train with "
            "--truncation head"
        )
    steps = architecture.cleaning.steps
    if steps and not (lowercase and steps == ["lowercase"]):
        options = ", ".join(f"--{step.replace('_', '-')}" for step in steps)
        raise ConfigError(f"tokenizers of Hugging Face do not clean texts ({options}); use savedmodel")


def text_settings(model: TextClassifier) -> dict[str, Any]:
    """The settings of a classifier that no key of transformers has, for config.json."""
    names = ("thresholds", "abstain_below", "set_threshold")
    settings = {name: value for name, value in model.objective.settings().items() if name in names}
    return {SETTINGS: settings} if settings else {}


def text_objective(config: Mapping[str, Any]) -> TextObjective:
    """The objective of a config.json, whose outputs are calibrated."""
    labels = label_names(config)
    problem = next(name for name, problem_type in PROBLEM_TYPES.items() if problem_type == config["problem_type"])
    if problem == REGRESSION:
        return Regression(())
    kind = MultiLabel if problem == MULTI else SingleLabel
    return kind(labels, **config.get(SETTINGS, {}))


def label_names(config: Mapping[str, Any]) -> list[str]:
    """The names of the outputs."""
    names = config["id2label"]
    return [names[str(index)] for index in range(len(names))]
