"""The threshold at which a classifier would keep a precision, on the texts of an evaluation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgraft.errors import ConfigError
from textgraft.evaluation.selective import precision_threshold
from textgraft.tasks.answer_options import AnswerOptions
from textgraft.tasks.promises import describe_precision
from textgraft.tasks.row_results import RowResult


class TargetPrecision:
    """Collects the results of an evaluation, also those that the model withholds."""

    def __init__(self, model: Any, target: float, options: AnswerOptions) -> None:
        """Check the arguments.

        Raises:
            ConfigError: for a target that is no share, a model of something else than single labels, and beside a
                threshold that the user sets.
        """
        if not 0 < target < 1:
            raise ConfigError(f"target_precision must be above 0 and below 1, not {target:g}")
        if options.abstain_below is not None:
            raise ConfigError("--target-precision looks for the threshold that --abstain-below sets; drop one")
        if not hasattr(model.objective, "abstain_below"):
            raise ConfigError("--target-precision is for classifiers of single labels; drop it")
        self._target = target
        self._confidences: list[float] = []
        self._right: list[bool] = []

    def add(self, data: Any, results: Sequence[RowResult]) -> None:
        """Add the results of consecutive rows."""
        self._confidences += [float(result.score or 0) for result in results]
        self._right += [result.error == 0 for result in results]

    @property
    def facts(self) -> dict[str, Any]:
        """The threshold as JSON values; only the target where no threshold keeps it."""
        threshold = self._threshold()
        return {"target": self._target, **(threshold._asdict() if threshold else {})}

    @property
    def line(self) -> str:
        """A line about the threshold."""
        return describe_precision(self._threshold(), self._target, len(self._right))

    def _threshold(self) -> Any:
        return precision_threshold(np.array(self._confidences), np.array(self._right), self._target)
