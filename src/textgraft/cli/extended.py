"""`textgraft train --from MODEL`: the options, data and results of a model that extends a trained one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli import options as o
from textgraft.cli.inputs import classifier_reading
from textgraft.cli.output.console import print_table
from textgraft.cli.output.log import log
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.label_types import label_name
from textgraft.data.labels import SINGLE, join_labels, normalize_label, show_label
from textgraft.errors import ConfigError
from textgraft.model_folder.config import EXTENDED_FROM
from textgraft.model_folder.folder import StoredModel, read
from textgraft.model_folder.replay import why_not_extended
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture

if TYPE_CHECKING:
    from textgraft.tasks.extended_classifier import ExtendedClassifier


def read_earlier(
    folder: Path | None,
    reading: Reading,
    run: o.RunOptions,
    task_options: o.TaskOptions,
    model_options: o.ModelOptions,
    label_options: o.LabelOptions,
    recipe_options: o.RecipeOptions,
    architecture: Architecture,
) -> tuple[StoredModel | None, Reading]:
    """The model to extend, which is not changed, if there is one, and how texts that extend it are read.

    Raises:
        ConfigError: where it cannot be extended, for an option that it determines, and where it would be replaced.
        ModelFolderError: when it is damaged.
    """
    if folder is None:
        return None, reading
    set_options = {**changed_options(task_options), **changed_options(model_options), **changed_options(label_options)}
    set_options |= changed_options(recipe_options)
    set_options |= {name: value for name, value in changed_options(architecture).items() if name != "seed"}
    if set_options:
        cleaning = changed_options(set_options.pop("cleaning")) if "cleaning" in set_options else {}
        names = ", ".join({**set_options, **cleaning})
        raise ConfigError(f"--from trains the model of {folder} as it is; drop {names}")
    stored = read(folder)
    if problem := why_not_extended(stored.config):
        raise ConfigError(f"{folder} cannot be extended: {problem}; train a new model on all texts")
    if run.out is not None and Path(run.out).resolve() == folder.resolve():
        raise ConfigError(f"--from does not change {folder}; set out to another folder")
    if reading.problem not in (None, SINGLE) or reading.label_separator is not None:
        raise ConfigError(f"{stored.folder} has one label per text; drop problem and label_separator")
    return stored, classifier_reading(stored, reading)


def extend(stored: StoredModel, data: Dataset, precision: str) -> "ExtendedClassifier":
    """The model with the labels of a data set after its own, to be trained; a line says which are new."""
    from textgraft.tasks.extended_classifier import ExtendedClassifier

    earlier = {normalize_label(label): label for label in stored.config["settings"]["labels"]}
    added = [name for name in map(label_name, data.label_names) if name not in earlier.values()]
    for label in [label for label in added if normalize_label(label) in earlier]:
        if data.normalized:
            added.remove(label)
            continue
        log(
            f"the label {show_label(label)} differs from {show_label(earlier[normalize_label(label)])} of "
            f"{stored.folder} only in case, white space or decimals; set normalize_labels to merge them"
        )
    log(f"extending {stored.folder}: {len(earlier)} labels, new: {join_labels(added) or 'none'}")
    return ExtendedClassifier(stored, added, precision)


def print_comparison(record: Mapping[str, Any], out: str) -> None:
    """Print the accuracy of the earlier and the new model on the same held-out texts."""
    facts = record[EXTENDED_FROM]
    rows = [
        (name, values["texts"], f"{values['before']:.4f}", f"{values['after']:.4f}")
        for name, values in facts["accuracies"].items()
    ]
    if stored := facts.get("stored"):
        rows.insert(0, (f"{stored['set']}, as {facts['model']} states", "", f"{stored['accuracy']:.4f}", ""))
    print_table(("accuracy", "texts", facts["model"], out), rows)
