"""What a model keeps of its training: options, metrics and data, as JSON values."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from textgraft.computation import Computation
from textgraft.data.dataset import Dataset
from textgraft.model_folder.config import CROSS_VALIDATION, FIRST_RUN, INITIAL_HEAD, VALIDATED_BY
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.held_out import Assessment
from textgraft.training.checkpoints import run_digest
from textgraft.training.history import History
from textgraft.training.token_ids import TruncationCount

_MAX_STORED_LABELS = 1000  # with their counts


def run_record(
    run: Run, facts: Mapping[str, Any], computation: Computation, history: History, assessment: Assessment
) -> dict[str, Any]:
    """The `Task.record` of a finished run."""
    mode, evaluated, trained = run.mode, [*run.examples.values()][-1], run.refit or run
    metrics = {"validation": {**history.records[history.best_epoch - 1], **assessment.metrics}}
    if assessment.report:
        report = {**assessment.report, "truncated": asdict(evaluated.inputs.tokens.truncated)}
        metrics["validation_report"] = mode.task.objective.stored_metrics(report)
    record = {
        "run": run_digest(facts),
        "fit": {**asdict(mode.config), "best_epoch": history.best_epoch, "seconds": round(history.seconds, 3)},
        "metrics": metrics,
        "data": {
            name: data_facts(dataset, trained.examples[name].inputs.tokens.truncated)
            for name, dataset in trained.data.items()
        },
        "columns": dict(run.data["train"].roles),
        "computation": asdict(computation),
        **mode.record,
    }
    if run.is_cross_validated:
        record[VALIDATED_BY] = INITIAL_HEAD if mode.has_steps else CROSS_VALIDATION
    elif run.refit:
        record[VALIDATED_BY] = FIRST_RUN
    return record


def data_facts(data: Dataset, truncated: TruncationCount) -> dict[str, Any]:
    """The source, size and digest of a data set, and the texts of its most frequent labels."""
    counts = sorted(data.counts().items(), key=lambda item: -item[1])[:_MAX_STORED_LABELS]
    return {
        "source": data.source,
        "texts": len(data),
        "sha256": data.fingerprint(),
        "truncated": asdict(truncated),
        **({"labels": dict(counts)} if counts else {}),
    }
