"""The results of `textgraft train`: the evaluation after the training, its printed tables, and the report."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli.options import SliceOptions, Sources
from textgraft.cli.output.console import print_result, with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.data.columns import Reading
from textgraft.data.labels import MULTI, SINGLE
from textgraft.errors import ConfigError, error_summary, warn

if TYPE_CHECKING:
    from textgraft.data.input_rows import InputRows
    from textgraft.data.splits import Splits
    from textgraft.report.collecting import ReportedEvaluation
    from textgraft.tasks.row_results import OnResults
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.history import History

# The first headline metrics, by problem.
_BASELINE_METRICS = {SINGLE: "accuracy", MULTI: "micro_f1"}
# Of the training texts: of all, and their number times that of the labels.
_MAX_BASELINE_CHARACTERS, _MAX_BASELINE_CELLS = 2_000_000, 20_000


class TrainingResults:
    """The results of a training: made before it, since cross-validation has some of them."""

    def __init__(
        self, model: "TrainableTask", splits: "Splits", folder: str, with_report: bool, divided: "InputRows | None"
    ) -> None:
        """Prepare a report, where there shall be one, which `model.save` writes into the folder.

        Args:
            model: to be trained.
            splits: its data.
            folder: of the model.
            with_report: whether there shall be one.
            divided: see `divided_rows`.
        """
        from textgraft.task_specs import task_spec

        self._model, self._splits, self._folder, self._divided = model, splits, folder, divided
        self._has_report = with_report and task_spec(model.name).labelled
        if self._has_report:
            from textgraft.report.collecting import ReportedEvaluation

            self._validated = ReportedEvaluation(model)
            model.on_validated = None if splits.test else self._divide(self._validated.add_validated)

    def evaluate(self) -> tuple[str, dict[str, Any]]:
        """Evaluate the trained model, and write its report.

        Returns:
            the set and the metrics on it: the test set, or without one, for a model of labels, the validation set.
        """
        if not self._has_report:
            return _evaluate(self._model, self._splits, None)
        from textgraft.model_folder.config import CROSS_VALIDATION, FIRST_RUN, HELD_OUT
        from textgraft.report.collecting import ReportedEvaluation

        evaluation = ReportedEvaluation(self._model)
        name, metrics = _evaluate(self._model, self._splits, self._divide(evaluation.add))
        if name in (CROSS_VALIDATION, FIRST_RUN, HELD_OUT):
            evaluation = self._validated
        try:
            self._model.report = self._report(name, metrics, evaluation)
        except Exception as error:  # a model that took hours to train is saved in any case
            problem = f"{type(error).__name__}: {error_summary(error)}"
            hint = f"textgraft evaluate {self._folder} DATA --report FILE"
            warn(f"{self._folder} is saved without a report ({problem}); run {hint}")
        return name, metrics

    def _divide(self, add: "OnResults") -> "OnResults":
        """The same, with the cells of the columns that divide the rows; where they cannot be read, no model is lost."""
        from textgraft.cli.reports import divided_if_possible

        return add if self._divided is None else divided_if_possible(add, self._divided)

    def _report(self, name: str, metrics: dict[str, Any], evaluation: "ReportedEvaluation") -> bytes:
        from textgraft.model_folder.config import HELD_OUT
        from textgraft.report.writing import report_file

        evaluated = dict(self._splits.items()).get(name, self._splits.train)
        source = "" if name == HELD_OUT else evaluated.source
        facts = evaluation.facts(
            Path(self._folder).name,
            name,
            source,
            metrics,
            evaluation.training_characters(),
            baselines=self._baselines(name, evaluation.mean_characters),
        )
        return report_file(facts)

    def _baselines(self, name: str, mean_characters: float) -> dict[str, float]:
        """The score of linear models of word counts on the same set, by name, where they take a second at most."""
        from textgraft.task_specs import task_spec

        train, evaluated = self._splits.train, dict(self._splits.items()).get(name)
        problem, labels = task_spec(self._model.name).problem(train), max(1, len(self._model.objective.labels))
        is_large = len(train) * mean_characters > _MAX_BASELINE_CHARACTERS or len(train) * labels > _MAX_BASELINE_CELLS
        if evaluated is None or problem not in _BASELINE_METRICS or is_large:
            return {}
        from textgraft.tuning.baselines import run_baselines

        results = run_baselines(problem, train, evaluated, _BASELINE_METRICS[problem])
        return {baseline.name: baseline.score for baseline in results}


def divided_rows(
    slices: SliceOptions, model: "TrainableTask", splits: "Splits", data: Any, sources: Sources, reading: Reading
) -> "InputRows | None":
    """The rows of the set that a report is about, with the columns that divide it; None where there are none.

    Raises:
        ConfigError: for a model without a report, and for standard input.
        DataError: for a column that the source lacks.
    """
    from textgraft.cli.reports import sliced_rows
    from textgraft.data.splits import set_source
    from textgraft.task_specs import task_spec

    if slices.slice and not task_spec(model.name).labelled:
        raise ConfigError(f"--slice is for reports of labels, numbers or entities, not of {model.name}; drop it")
    name, evaluated = ("validation", splits.validation) if splits.test is None else ("test", splits.test)
    source, split = set_source(name, data, reading, sources.split, sources.validation, sources.test)
    return sliced_rows(slices, evaluated, source, split, reading)


def print_results(model: "TrainableTask", out: str, name: str, metrics: dict[str, Any]) -> None:
    """Print metrics on a set, if there are any, and log how many texts were truncated."""
    from textgraft.cli.extended import print_comparison
    from textgraft.data.label_checks import unpredicted_notice
    from textgraft.model_folder.config import EXTENDED_FROM
    from textgraft.task_specs import task_spec

    if not metrics and task_spec(model.name).labelled:
        log("not tested: all texts trained the model; pass --test or --test-share for its results")
    if metrics:
        log(_title(model, name))
        print_result(model.objective.report(metrics))
        per_label = metrics.get("per_class", {})
        predicted, support = (
            {label: scores[key] for label, scores in per_label.items()} for key in ("predicted", "support")
        )
        log(*filter(None, [unpredicted_notice(predicted, support, name)]))
    if EXTENDED_FROM in model.record:
        print_comparison(model.record, out)
    for part, record in model.record["data"].items():
        log_truncation(part, record["truncated"], model.architecture.sequence_length)
    if model.report is not None:
        log(f"report: {Path(out) / 'report.html'}; it quotes labelled texts (--no-report for none)")


def outcome(model: "TrainableTask", history: "History") -> str:
    """A line about a training: its mode, best epoch and duration."""
    mode = model.fine_tuning(**{name: model.record["fit"][name] for name in ("fine_tune", "head")})
    best = f"best epoch {history.best_epoch} of {len(history.records)}; {history.seconds:.0f} s"
    result = best if mode.has_steps else f"{history.seconds:.1f} s"
    return f"{mode.note}; {result}" if mode.note else result


def _evaluate(model: "TrainableTask", splits: "Splits", on_results: "OnResults | None") -> tuple[str, dict[str, Any]]:
    from textgraft.model_folder.config import EXTENDED_FROM, HELD_OUT, VALIDATED_BY
    from textgraft.task_specs import task_spec
    from textgraft.tasks.extension import compare_on_test

    if splits.test is not None:
        counted = partial(with_progress, total=len(splits.test))
        metrics = model.evaluate(splits.test, store=True, with_progress=counted, on_results=on_results)
        if EXTENDED_FROM in model.record:
            compare_on_test(model, splits.test, metrics)
        return "test", metrics
    if EXTENDED_FROM in model.record:
        return HELD_OUT, model.record["metrics"]["validation_report"]
    if name := model.record.get(VALIDATED_BY):
        return name, model.record["metrics"].get("validation_report", {})
    if task_spec(model.name).labelled:
        counted = partial(with_progress, total=len(splits.validation))
        return "validation", model.evaluate_validation(splits.validation, counted, on_results)
    return "validation", {}


def _title(model: "TrainableTask", name: str) -> str:
    from textgraft.model_folder.config import CROSS_VALIDATION, FIRST_RUN, HELD_OUT

    if name == HELD_OUT:
        return "results on held-out texts, earlier ones included:"
    if name == CROSS_VALIDATION:
        return "results of cross-validation on all training texts:"
    if name == FIRST_RUN:
        return "results on the validation texts before the refit, which trains on them too:"
    selected = name == "validation" and len(model.history) > 1
    return f"results on the {name} texts" + (", by which the epoch was selected:" if selected else ":")
