"""The facts of a model: its results, collected while it is evaluated, and what further answers show."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.report.facts import ReportFacts, problem_of, trivial_baselines
from textgraft.report.perturbations import PERTURBATIONS
from textgraft.report.results import ENTITIES, ResultCollector, Results
from textgraft.report.robustness import MIN_CHANGED_TEXTS, RobustnessScore, robustness_scores
from textgraft.report.selected_texts import SelectedText, SelectedTexts
from textgraft.report.speed import measure_speed
from textgraft.report.word_effects import WordEffects, word_effects
from textgraft.tasks.row_results import RowResult

QUOTED = 10  # texts of each kind: worst errors, most doubtful
FURTHER_CHARACTERS = 300_000  # of further texts to predict on: about ten seconds of minilm on two cores
_SAMPLED = 200
_WORDS_SHARE = 0.4  # of the characters; the others are for robustness
_TRAINING_SHARE = 0.05  # of the work of a training that its report may add
_STEP_WORK = 3  # of a training step, in predictions


class ReportedEvaluation:
    """Collects the facts of a report: pass `add` as `on_results` of an evaluation, then call `facts`."""

    def __init__(self, model: Any) -> None:
        """Begin the evaluation of a `TrainableTask` for labels, numbers or entities."""
        self._model, self._answer = model, model.reference_answers
        problem = problem_of({"task": model.name, "settings": model.settings()})
        self._collector = ResultCollector(problem, model.labels, SelectedTexts(problem, QUOTED, _SAMPLED))
        self._start, self._seconds, self._rows = time.monotonic(), 0.0, 0

    def add(
        self, data: Dataset, results: Sequence[RowResult], columns: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """Take consecutive rows, their results, and the cells of other columns by name."""
        self._seconds = time.monotonic() - self._start
        self.add_validated(data, results, columns)

    def add_validated(
        self, data: Dataset, results: Sequence[RowResult], columns: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """As `add`, for rows of a training, whose time is not that of an evaluation; see `Task.on_validated`."""
        self._collector.add(data, results, columns)
        self._rows += len(results)

    def facts(
        self, name: str, part: str, source: str, metrics: Mapping[str, Any], max_characters: int, **others: Any
    ) -> ReportFacts:
        """All facts; further texts of at most `max_characters` together are predicted.

        Args:
            name: of the model.
            part: the evaluated set.
            source: where its texts come from.
            metrics: of the evaluation.
            max_characters: limits the time of what shows words that mattered, and robustness.
            others: other fields of `ReportFacts`.
        """
        model, config = self._model, self._model.config()
        if not self._rows:
            return ReportFacts(name, config, model.history, part, source, metrics, datetime.now(UTC), **others)
        results = self._results
        samples = [parts for parts, _ in results.texts.sample]
        return ReportFacts(
            name,
            config,
            model.history,
            part,
            source,
            metrics,
            datetime.now(UTC),
            results,
            effects=self._effects(results, int(_WORDS_SHARE * max_characters)),
            robustness=self._robustness(results, int((1 - _WORDS_SHARE) * max_characters)),
            speed=measure_speed(model, self._rows, self._seconds, samples, self._answer),
            baselines={**self._trivial_baselines(metrics), **others.pop("baselines", {})},
            **others,
        )

    @property
    def mean_characters(self) -> float:
        """Mean length of the texts; 0 without any."""
        return float(self._results.characters.mean()) if self._rows else 0.0

    def training_characters(self) -> int:
        """Characters of further texts that take a twentieth of the work of the training that the model keeps."""
        record = self._model.record
        if not self._rows or "fit" not in record or "train" not in record.get("data", {}):
            return 0
        frozen = record["fit"]["fine_tune"] == "none"
        passes = 1 if frozen else _STEP_WORK * len(self._model.history)
        work = passes * record["data"]["train"]["texts"] * self.mean_characters
        return min(FURTHER_CHARACTERS, int(_TRAINING_SHARE * work))

    @cached_property
    def _results(self) -> Results:
        return self._collector.finish()

    def _trivial_baselines(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """None where the metrics are about other texts too."""
        results = self._results
        return trivial_baselines(self._model.config(), results) if metrics["texts"] == len(results) else {}

    def _effects(self, results: Results, max_characters: int) -> dict[str, WordEffects]:
        if results.problem == ENTITIES:
            return {}
        worst, doubtful = results.texts.worst, results.texts.doubtful
        alternating: list[SelectedText] = [text for pair in zip(worst, doubtful, strict=False) for text in pair]
        both = min(len(worst), len(doubtful))
        return word_effects([*alternating, *worst[both:], *doubtful[both:]], self._answer, max_characters)

    def _robustness(self, results: Results, max_characters: int) -> list[RobustnessScore]:
        """None of them where fewer than 20 texts could be changed."""
        sample: list[tuple[tuple[str, ...], RowResult]] = []
        size = 0
        for parts, row in results.texts.sample:
            size += (1 + len(PERTURBATIONS)) * sum(map(len, parts))
            if size <= max_characters:
                sample.append((parts, row))
        return robustness_scores(sample, self._answer) if len(sample) >= MIN_CHANGED_TEXTS else []
