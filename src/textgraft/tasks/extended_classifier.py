"""A text classifier that extends a trained one by further labels and texts."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from textgraft.data.dataset import Dataset
from textgraft.data.label_types import Label, label_name
from textgraft.data.python_inputs import as_path
from textgraft.data.seen_texts import SeenRows, describe_seen
from textgraft.errors import ConfigError, warn
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.folder import StoredModel
from textgraft.model_folder.replay import why_not_extended
from textgraft.task_specs.text_classification import TextClassificationSpec
from textgraft.tasks.earlier import EarlierClassifier
from textgraft.tasks.extension import assess_extension
from textgraft.tasks.fine_tuning.base import FineTuning, Run
from textgraft.tasks.fine_tuning.extended_head import ExtendedHead
from textgraft.tasks.held_out import Assessment
from textgraft.tasks.loading import load_as
from textgraft.tasks.ngrams import drop_ngrams
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.training_data import DataReader
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples


class ExtendedClassifier(TextClassifier):
    """A classifier of one label per text that extends a trained one, which is not changed.

    `fit` trains its head alone, on the texts that it gets and the embeddings that the trained model keeps; see
    docs/guide/training.md. The backbone and its settings are those of the trained model. `save` writes the folder of a
    `TextClassifier`.

    Attributes:
        earlier: the trained classifier.
    """

    public: ClassVar[tuple[str, ...]] = ("earlier",)

    def __init__(self, folder: str | Path | StoredModel, labels: Iterable[Label] = (), precision: str = "auto") -> None:
        """Load a trained classifier, and give its head outputs for further labels.

        Args:
            folder: a model folder, or the result of `model_folder.read`.
            labels: further labels, in the type of the earlier ones; those that the model has already are ignored.
            precision: see `load`.

        Raises:
            ConfigError: for a model that cannot be extended, or a label of another type.
            ModelFolderError: see `load`.
        """
        stored = folder if isinstance(folder, StoredModel) else model_folder.read(as_path(folder, "the model folder"))
        if problem := why_not_extended(stored.config):
            raise ConfigError(f"{stored.folder} cannot be extended: {problem}; train a new model on all texts")
        trained = load_as(TextClassifier, stored, precision)
        if trained.ngrams:
            drop_ngrams(trained)
            warn(f"the n-grams of {stored.folder} are dropped, also in its accuracies: they need its texts")
        union = dict.fromkeys((*trained.objective.labels, *map(label_name, labels)))
        self.earlier = EarlierClassifier(str(stored.folder), stored.sha256, trained)
        super().__init__(
            trained.backbone,
            list(union),
            trained.precision,
            pairs=trained.pairs,
            label_type=trained.objective.label_type,
            **vars(trained.architecture),
        )
        self.seen = trained.seen
        self.earlier.head.with_labels(len(union)).assign_to(self.head.layers[-1])

    @property
    def has_untrained_head(self) -> bool:
        return False

    def select_mode(self, config: TrainingConfig) -> FineTuning:
        return ExtendedHead(self, config, self.earlier)

    def training_config(self, options: dict[str, Any]) -> TrainingConfig:
        """By default, the model keeps as many embeddings as the one that it extends."""
        if self.earlier.replay and options.get("keep_replay") is None:
            options = {**options, "keep_replay": self.earlier.replay.per_label}
        return super().training_config(options)

    def after_training(
        self,
        run: Run,
        train: Examples[Any],
        validation: Examples[Any] | None,
        outputs: Callable[[], Any],
        initial_metrics: Mapping[str, float],
        callback: Callback,
    ) -> Assessment:
        mode = cast("ExtendedHead", run.mode)
        assessment, mode.record = assess_extension(mode, run, train, validation, callback)
        return assessment

    def _prepare_run(self, data: Dataset, validation: Dataset | None, options: dict[str, Any]) -> Run:
        run = super()._prepare_run(data, validation, options)
        notices = [self.earlier.describe_replay(data.source, data.counts())]
        if self.seen:
            rows = SeenRows(self.seen)
            rows.add(data.digests())
            notices.append(describe_seen(data.source, rows.record(), len(data)))
        run.examples["train"].notices += tuple(filter(None, notices))
        return run

    def _run_facts(self, run: Run) -> dict[str, Any]:
        return {**super()._run_facts(run), "from": dict(self.earlier.sha256)}

    def _reader(self, **columns: str | None) -> DataReader:
        return DataReader(TextClassificationSpec(self.objective.labels), self._reading(**columns))
