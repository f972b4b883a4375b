"""Verification of a model folder on the machine that is to run it."""

from dataclasses import dataclass
from pathlib import Path

from textgraft.data.python_inputs import as_path
from textgraft.errors import ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.golden_answers import compare_with_golden
from textgraft.tasks.loading import load


@dataclass(frozen=True)
class ModelVerification:
    """The result of a comparison of a model's answers with those in its folder.

    Attributes:
        texts: number of texts whose answers were compared; 0 for a folder without answers: that of a model in int8 or
            without training, or for a task that does not answer texts.
        precision: in which they were computed, here as there; empty without texts.
        largest_difference: of numbers in equal answers, relative above 1.
    """

    texts: int
    precision: str
    largest_difference: float


def verify_model(folder: str | Path) -> ModelVerification:
    """Compare the files of a model folder with their SHA-256, and its answers on this machine with those in it.

    They are equal as `compare_with_golden` says.

    Raises:
        ModelFolderError: for a folder that is no model folder or altered, or an answer that differs.
        ConfigError: see `load`.
    """
    stored = model_folder.read(as_path(folder, "the model folder"))
    if stored.golden is None:
        return ModelVerification(0, "", 0.0)
    task = load(stored, stored.golden.precision)
    answers = [task.reference_answers([text]) for text in stored.golden.texts]
    try:
        difference = compare_with_golden(stored.golden, answers, task.precision == "float32")
    except ValueError as error:
        raise ModelFolderError(
            f"{folder}: {error}; compare processor and versions with those that `textgraft info` shows"
        ) from error
    return ModelVerification(len(answers), stored.golden.precision, difference)
