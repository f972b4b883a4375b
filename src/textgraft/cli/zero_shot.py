"""The descriptions of labels in `textgraft train`, and models made of them alone by `--zero-shot`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from textgraft.cli import options as o
from textgraft.cli.command_line import keep_command
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.cli.runs import require
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.descriptions import Descriptions, describe_by_name, read_descriptions
from textgraft.data.duplicates import first_duplicate
from textgraft.data.label_types import label_name
from textgraft.data.labels import SINGLE
from textgraft.data.unlabelled import read_unlabelled
from textgraft.errors import ConfigError, counted
from textgraft.model_folder.co_training import CO_TRAINING, describe_co_training
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture
from textgraft.training.recipes import frozen_options, windows_notice

_USED = ("out", "overwrite", "file")  # `file` is the group of the options of files, which are named one by one


class UnlabelledOptions(NamedTuple):
    """Where unlabelled texts are, if there are any; how they are read; and how many are used."""

    source: str | None
    reading: Reading
    limit: int | None


def describe_labels(source: str, settings: Mapping[str, Any]) -> Descriptions:
    """The descriptions of the labels in the settings of a task, from a file.

    Raises:
        ConfigError: for a task without one label per single text, and see `data.descriptions`.
    """
    if settings.get("problem") != SINGLE or settings["pairs"]:
        raise ConfigError("descriptions are for models of one label per single text; drop descriptions")
    return read_descriptions(source, [label_name(label) for label in settings["labels"]])


def require_unset(
    arguments: Mapping[str, Any], groups: Iterable[Any], architecture: Architecture, unlabelled: UnlabelledOptions
) -> None:
    """Raise a ConfigError for an argument or an option of some groups that is set; arguments are None where not.

    Those that read unlabelled texts are used, if there are any.
    """
    used = set(_USED)
    if unlabelled.source is not None:
        used |= {"unlabelled", "max_unlabelled", "text", "format", *changed_options(unlabelled.reading.file)}
    options = {name: value for group in groups for name, value in changed_options(group).items()}
    names = [name for name, value in {**arguments, **options}.items() if value is not None and name not in used]
    names += ["hidden"] if architecture.hidden else []
    if names:
        raise ConfigError(
            f"--zero-shot reads no labelled data and trains no network; drop {', '.join(names)} (test by textgraft "
            "evaluate)"
        )


def make_zero_shot(
    label_options: o.LabelOptions,
    task_options: o.TaskOptions,
    model_options: o.ModelOptions,
    architecture: Architecture,
    run: o.RunOptions,
    runtime_options: o.RuntimeOptions,
    unlabelled: UnlabelledOptions,
) -> None:
    """Write a model folder whose head is made from the descriptions, and co-trained on unlabelled texts.

    Raises:
        DataError: when unlabelled texts cannot be read.
        ConfigError: for labels or descriptions that are missing or invalid; see `data.descriptions`.
        ModelFolderError: when the folder exists already or cannot be written.
    """
    from textgraft.storage.folders import require_writable

    require("textgraft train --zero-shot --out FOLDER", run)
    if task_options.task not in (None, "text-classification"):
        raise ConfigError(f"--zero-shot makes a model for text-classification, not for {task_options.task}; drop one")
    source, labels = label_options.descriptions, _listed(label_options.labels)
    if source is None and not labels:
        raise ConfigError("--zero-shot needs labels: pass --labels a,b or --descriptions labels.toml")
    descriptions = read_descriptions(source, labels) if source is not None else describe_by_name(labels)
    folder = Path(str(run.out))
    require_writable(folder, run.overwrite)
    data = _read(unlabelled)
    load_tensorflow(runtime_options)
    from textgraft.tasks.text_classification import TextClassifier

    settings = {**changed_options(architecture), **changed_options(model_options)}
    if frozen := frozen_options(task_options.preset, {"pairs": False}, settings):
        log(windows_notice(frozen))
        settings |= frozen
    model = TextClassifier(
        task_options.preset, labels, runtime_options.precision, descriptions=descriptions, **settings
    )
    log(*model.zero_shot(data, max_unlabelled=unlabelled.limit))
    texts = sum(map(len, model.descriptions.values()))
    of = counted(len(model.labels), "label")
    log(f"head made from {counted(texts, 'description')} of {of}, without a labelled text")
    if CO_TRAINING in model.record:
        log(f"co-training: {describe_co_training(model.record[CO_TRAINING])}; no labelled text tests it")
    keep_command(model)
    model.save(folder, overwrite=run.overwrite)
    log(f"saved {folder}; next: textgraft predict {folder} FILE")


def _read(unlabelled: UnlabelledOptions) -> Dataset | None:
    """The unlabelled texts; None without a source."""
    if unlabelled.source is None:
        return None
    roles = {"text": unlabelled.reading.text} if unlabelled.reading.text else {}
    return read_unlabelled(unlabelled.source, unlabelled.reading, roles)


def _listed(labels: str | None) -> tuple[str, ...]:
    """The labels in a list with commas between them."""
    names = tuple(name.strip() for name in labels.split(",")) if labels is not None else ()
    if not all(names):
        raise ConfigError(f"labels {labels!r} has an empty label; write the labels with a comma between each two")
    if (duplicate := first_duplicate(names)) is not None:
        raise ConfigError(f"labels has {duplicate!r} twice; write it once")
    return names
