"""Refit: training on all labelled texts, those included that were held out for validation."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.storage.schema import ANY, NUMBER, Integer, List, Map, Object
from textgraft.task_specs import task_spec
from textgraft.tasks.fine_tuning.base import FineTuning
from textgraft.tasks.held_out import Assessment
from textgraft.tasks.validated_rows import ROWS_SCHEMA, RowWindow
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.config import GRADIENT_OPTIONS
from textgraft.training.history import History
from textgraft.training.state_files import read_lines, read_state

# Texts of logistic regression beyond which the tenth that is held out no longer matters (docs/measurements.md).
MAX_REFIT_TEXTS = 2000

# Texts of fine-tuning from which on a tenth of them suffices to select the epoch and to calibrate.
MIN_VALIDATED_TEXTS = 300

# Options by which fine-tuning is another one than that which `held_out.UNSEEN_SHARE` is measured for.
_OTHER_TRAINING = (*GRADIENT_OPTIONS, "metric", "ngrams", "contrastive")


class Refit(NamedTuple):
    """Training on all labelled texts.

    Attributes:
        data: the texts.
        has_first_run: whether another training, with validation texts, comes first and selects the epoch.
    """

    data: Dataset
    has_first_run: bool


def choose_refit(mode: FineTuning, validation: Dataset, options: Mapping[str, Any]) -> Refit | None:
    """How to train on all labelled texts; None where validation texts are held out.

    By default that is done with logistic regression on few stored embeddings. No first run is needed there, nor for the
    default fine-tuning of few texts.

    Args:
        mode: with the initialization of the head that was chosen.
        validation: the validation texts.
        options: training options that the user set.

    Raises:
        ConfigError: where the user asks for it with validation texts of their own, or it is not possible.
    """
    data, chosen = validation.held_out_of, options.get("refit")
    if chosen and (problem := _why_not(mode, data, options)):
        raise ConfigError(problem)
    if data is None or chosen is False:
        return None
    if not mode.has_steps:
        return Refit(data, has_first_run=False) if chosen or len(data) <= MAX_REFIT_TEXTS else None
    if chosen is None:
        return None
    changed = [name for name in _OTHER_TRAINING if options.get(name) is not None and options[name] is not False]
    return Refit(data, mode.config.head != "logistic" or bool(changed) or len(data) >= MIN_VALIDATED_TEXTS)


def _why_not(mode: FineTuning, data: Dataset | None, options: Mapping[str, Any]) -> str:
    """Why a model cannot be trained on all labelled texts; empty where it can."""
    if not task_spec(mode.task.name).labelled:
        return f"refit trains on all labelled texts, and {mode.task.name} has no labels; drop refit"
    if data is None:
        return "refit trains on the validation texts too, and validation names a set of its own; drop one"
    if options.get("ngrams") and mode.has_steps:
        return "ngrams beside a network that is fine-tuned are weighed on validation texts; drop ngrams or refit"
    return ""


class FirstRun(NamedTuple):
    """Results of the first run.

    Attributes:
        history: of its epochs.
        assessment: what validation texts say of it.
        calibration: attributes of the objective.
        windows: results of the validation rows in order; empty where nobody takes them.
    """

    history: History
    assessment: Assessment
    calibration: dict[str, Any]
    windows: list[RowWindow]


_FILE, _ROWS = "first-run.json", "validation-rows.jsonl"
_FIRST_RUN = Object(
    {
        "history": Object(
            {
                "records": List(Map(NUMBER)),
                "best_epoch": Integer(1),
                "seconds": NUMBER,
                "graphs": Integer(0),
                "padding": NUMBER,
            }
        ),
        "metrics": Map(NUMBER),
        "report": Object({}, others=ANY),
        "calibration": Map(ANY),
    }
)


def first_run(run_facts: Mapping[str, Any], checkpoints: Checkpoints | None, train: Callable[[], FirstRun]) -> FirstRun:
    """What `train` returns, or returned in an earlier process that was interrupted later; then the refit starts.

    Args:
        run_facts: what identifies the run.
        checkpoints: of the run, if it has any.
        train: trains the model.
    """
    if checkpoints is None:
        return train()

    def files() -> dict[str, list[bytes]]:
        first = train()
        state = {"history": asdict(first.history), "calibration": first.calibration, **first.assessment._asdict()}
        return {_FILE: [json.dumps(state).encode()], _ROWS: [window.encoded() for window in first.windows]}

    folder = checkpoints.prepared_files("first_run", run_facts, files)
    state = read_state(folder / _FILE, _FIRST_RUN)
    windows = read_lines(folder / _ROWS, ROWS_SCHEMA, RowWindow.decoded)
    checkpoints.start_refit()
    assessment = Assessment(state["metrics"], state["report"])
    return FirstRun(History(**state["history"]), assessment, state["calibration"], windows)
