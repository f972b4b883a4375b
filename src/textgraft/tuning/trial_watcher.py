"""Follows the training of one trial: reports to the study, and cuts it short when it is not worth its time."""

import time

import optuna

from textgraft.training.progress import TrainingBar
from textgraft.tuning.leaderboard import OUT_OF_TIME
from textgraft.tuning.measure import Measure
from textgraft.tuning.study import storage_errors

_PARTS = 4


class TrialWatcher(TrainingBar):
    """A progress bar that prunes.

    A learning rate that decays makes the same epoch of a long and of a short run two different things, so trials are
    compared at the same quarter of their epochs.
    """

    def __init__(self, trial: optuna.Trial, measure: Measure, epochs: int, texts: int, deadline: float) -> None:
        """Prepare.

        Args:
            trial: reported to.
            measure: what it reports.
            epochs: planned passes.
            texts: texts in each.
            deadline: a time of `time.monotonic` at which the trial must be done; infinite for none.
        """
        super().__init__(epochs, texts)
        self._trial, self._measure, self._planned, self._deadline = trial, measure, epochs, deadline
        self._reported = 0

    def on_features_extracted(self, texts: int, total: int) -> None:
        """Count texts that went through the frozen backbone; see `TrainingBar`."""
        super().on_features_extracted(texts, total)
        self._require_time(0)

    def on_step_end(self, epoch: int, texts: int, means: dict[str, float], seconds_left: float | None) -> None:
        """Advance; see `TrainingBar`."""
        super().on_step_end(epoch, texts, means, seconds_left)
        self._require_time(seconds_left or 0)

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """Report how the validation texts are answered.

        Args:
            record: a row of the history.

        Raises:
            TrialPruned: when it is worse than the median of earlier trials at this quarter.
        """
        quarter = int(_PARTS * record["epoch"] / self._planned)
        if quarter == self._reported or quarter == _PARTS:
            return  # nothing new, or nothing left to save
        self._reported = quarter
        with storage_errors():
            self._trial.report(self._measure.of(record), quarter)
            hopeless = self._trial.should_prune()
        if hopeless:
            raise optuna.TrialPruned(f"worse than the median after epoch {record['epoch']:.0f}")

    def _require_time(self, left: float) -> None:
        if time.monotonic() + left > self._deadline:
            raise optuna.TrialPruned(OUT_OF_TIME)
