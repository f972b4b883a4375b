"""The contract of a task whose head is trained: what its examples are, and how an answer is judged."""

import pkgutil
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft import runtime
from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.data.splits import VALIDATION_SHARE
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task, backbone_of
from textgraft.tasks.fine_tuning import FineTuning
from textgraft.tasks.head_init import default_head_init, init_head_by_logistic_regression, refusal
from textgraft.training.batches import rows_per_epoch
from textgraft.training.checkpoints import Checkpoints, run_digest
from textgraft.training.config import GRADIENT_OPTIONS, HEAD_ONLY_DEFAULTS, TrainingConfig, extend_for_few_texts
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.history import History, Plan, peak_memory
from textgraft.training.logistic import compute_logits, train_logistic_head
from textgraft.training.loop import Training
from textgraft.training.progress import Callback, TrainingBar
from textgraft.training.token_ids import IdCache, TruncationCount

Watch = Callable[[Iterator[Any]], Iterator[Any]]


class TrainableTask(Task):
    """A task that is trained on examples and tested on others.

    Attributes:
        score: the metric by which epochs are judged, a share between 0 and 1; None to judge by the loss.
        compact: whether nothing but the texts selects rows of the token table.
    """

    name = "a task that is trained"
    score: str | None = "accuracy"
    compact: ClassVar[bool] = True

    @abstractmethod
    def examples(self, data: Dataset, kept: IdCache | None = None) -> Examples[TokenInputs]:
        """Texts and targets as the network takes them.

        Args:
            data: of any size.
            kept: see `tokenize`; only where the task is pooled.

        Raises:
            DataError: for what the task was not made for, such as an unknown label.
        """

    @abstractmethod
    def loss(self, targets: Any, outputs: Any) -> tf.Tensor:
        """The loss of each row, float32 (b,), summed over the predictions it is judged by; graph ops."""

    @abstractmethod
    def metrics(self, targets: Any, outputs: Any) -> dict[str, float]:
        """Means over the predictions of some rows, for the history; outputs as `kept` leaves them."""

    @abstractmethod
    def measured(self, data: Dataset, truncated: TruncationCount, watch: Watch) -> dict[str, Any]:
        """The metrics of a test, as JSON values.

        Args:
            data: examples, none of them trained on.
            truncated: what it takes is added to this.
            watch: passes on the batches of texts, and sees them go.
        """

    @property
    @abstractmethod
    def answer_columns(self) -> tuple[str, ...]:
        """The columns of the table of predictions, beside the text."""

    @abstractmethod
    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        """Stream predictions.

        Args:
            texts: object arrays of UTF-8 bytes.
            truncated: what it takes is added to this; without it, a warning tells.

        Yields:
            for one window of texts after the other, what stands in each of `answer_columns`.
        """

    @abstractmethod
    def summary(self) -> str:
        """What the head was made for, in a few words."""

    @abstractmethod
    def report(self, found: dict[str, Any]) -> RenderableType:
        """What `evaluate` returned, as tables for people."""

    def scores(self, targets: Any, outputs: Any) -> dict[str, float]:
        """Metrics over all rows, which judge an epoch: `metrics`, and what is no mean over rows."""
        return self.metrics(targets, outputs)

    def kept(self, targets: Any, outputs: Any) -> Any:
        """What the metrics need of the outputs; graph ops."""
        return outputs

    def from_loss(self, loss: float) -> dict[str, float]:
        """What follows from a mean loss, for the history."""
        return {}

    def objective(self, balance: str, train: Examples[TokenInputs]) -> Callable[[Any, Any], tf.Tensor] | None:
        """What training lowers in place of the loss; None for the loss.

        Args:
            balance: see `training.config.TrainingConfig`.
            train: examples.
        """
        return None

    def sampling_weights(self, train: Examples[TokenInputs]) -> np.ndarray:
        """How often each of the examples comes in an epoch when rare labels are to come more often, float64 (n,)."""
        raise ConfigError(f"balance is for labels of whole texts; {self.name} has none; leave it out")

    def place(self, data: Dataset, row: int) -> str:
        """Where an example is, for messages: the source, and a number last.

        Args:
            data: all of them.
            row: of `examples`.
        """
        return data.location(row)

    def survey(self, train: Dataset) -> None:
        """Take from the training set what is to be known before any training."""
        return

    def undo(self) -> Callable[[], None]:
        """What takes back all that `survey` takes from now on."""
        return lambda: None

    def settle(self, targets: Any, outputs: Callable[[], Any]) -> str:
        """Take from the validation set what is to be known of the trained model.

        Args:
            targets: of the validation set.
            outputs: gives those of the trained model.

        Returns:
            a line for the user to see, or nothing.
        """
        return ""

    def begin(
        self,
        read: Mapping[str, Examples[Any]],
        chosen: TrainingConfig,
        run: Mapping[str, Any],
        checkpoints: Checkpoints | None,
        callback: Callback,
    ) -> dict[str, float]:
        """What is to be done before the first step, once in a run.

        Args:
            read: "train" and "validation".
            chosen: how to train.
            run: all that makes the run what it is.
            checkpoints: keep what must not be done twice, where there are some.
            callback: told of what is done.

        Returns:
            numbers that stand beside those of the epoch that was kept.
        """
        resumes = checkpoints is not None and checkpoints.has_checkpoint
        if chosen.head == "logistic" and not chosen.is_closed_form and not resumes:
            init_head_by_logistic_regression(self, chosen, read["train"], callback)
        return {}

    def for_folder(self, found: dict[str, Any]) -> dict[str, Any]:
        """What of the metrics of a test goes into the model folder."""
        return found

    def fit(
        self,
        data: Dataset,
        validation: Dataset | None = None,
        callback: Callback | None = None,
        checkpoints: Checkpoints | str | Path | None = None,
        **config: Any,
    ) -> History:
        """Train; the model ends with the weights of its best epoch.

        Args:
            data: examples.
            validation: judges each epoch; by default a tenth, drawn within each label, is held back from `data`.
            callback: told of each step and epoch; by default a progress bar.
            checkpoints: a folder for the state of the run, or `Checkpoints` already entered; an unfinished run that is
                there is resumed, and ends as if it had not been cut short.
            config: fields of `training.config.TrainingConfig`.

        Raises:
            ConfigError: for a value that makes no sense, or an unfinished run that is another one.
            DataError: for a label the model does not have.
            TrainingError: when the loss is no longer finite.
            BusyError: when another process uses the checkpoints.
            InterruptionError: after SIGINT or SIGTERM, with checkpoints; they are saved.
        """
        with ExitStack() as stack:
            if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
                checkpoints = stack.enter_context(Checkpoints(checkpoints))
            with self._undone_unless_done():
                chosen, parts, read = self._prepared(data, validation, config)
                run = self._run(chosen, parts)
                if checkpoints is not None:
                    checkpoints.start_run(run)
                callback = callback or stack.enter_context(TrainingBar(chosen.epochs or 1, _rows(read["train"])))
                for line in (line for part in read.values() for line in part.notices):
                    callback.on_message(line)
                begun = self.begin(read, chosen, run, checkpoints, callback)
                if chosen.lora_rank:
                    stack.enter_context(self.backbone.adapted(chosen.lora_rank, chosen.seed))
                network, train, judge = FineTuning(self, chosen).to_train(read, callback)
                solved = self._solved(train, judge, callback) if chosen.is_closed_form else None
            if solved:
                history, outputs = solved
            else:
                training = Training(network, train, judge, chosen, callback, partial(self.place, parts["train"]))
                history, outputs = training.run(checkpoints), training.validation_outputs
            if line := self.settle(judge.targets, outputs):
                callback.on_message(line)
        self.history = history.records
        self.record = {
            "run": run_digest(run),
            "fit": {**asdict(chosen), "best_epoch": history.best_epoch, "seconds": round(history.seconds, 3)},
            "metrics": {"validation": {**history.records[history.best_epoch - 1], **begun}},
            "data": {name: _described(part, read[name].inputs.tokens.truncated) for name, part in parts.items()},
        }
        return history

    def plan(self, data: Dataset, validation: Dataset | None = None, **config: Any) -> Plan:
        """What `fit` with these arguments would take. It trains nothing, but times a few steps.

        Raises:
            ConfigError: for a value that makes no sense.
            DataError: for a label the model does not have.
        """
        undo = self.undo()
        try:
            return self._planned(*self._prepared(data, validation, config))
        finally:
            undo()

    def _solved(
        self, train: Examples[Any], judge: Examples[Any], callback: Callback
    ) -> tuple[History, Callable[[], Any]]:
        """The head as logistic regression; and what gives the validation set's logits."""
        layer = self.head.layers[-1]
        history = train_logistic_head(layer, train, judge, self._means)
        callback.on_epoch_end(history.records[0])
        return history, partial(compute_logits, layer, judge)

    @contextmanager
    def _undone_unless_done(self) -> Iterator[None]:
        """Before any step is made, an error leaves the answers as they were."""
        undo = self.undo()
        try:
            yield
        except BaseException:
            undo()
            raise

    def _planned(
        self, chosen: TrainingConfig, parts: Mapping[str, Dataset], read: Mapping[str, Examples[TokenInputs]]
    ) -> Plan:
        tokens = {name: part.inputs.tokens for name, part in read.items()}
        batches = -(-_rows(read["train"]) // (chosen.batch_size or 1))
        if chosen.fine_tune == "none" and self.pooled:
            extraction = FineTuning(self, chosen).extraction()
            seconds, state = sum(map(extraction.estimate_seconds, tokens.values())), 0
            steps = 0 if chosen.is_closed_form else batches * (chosen.epochs or 1)
        else:
            with self.backbone.adapted(chosen.lora_rank, chosen.seed) if chosen.lora_rank else nullcontext():
                network, train, judged, seconds = FineTuning(self, chosen).rehearse(read)
                training = Training(network, train, judged, chosen, TrainingBar(0, 0))
                seconds += (
                    training.estimate_seconds() * tokens["train"].lengths.sum() / max(1, train.inputs.lengths.sum())
                )
            if chosen.head == "logistic":
                seconds += FineTuning(self, chosen).extraction().estimate_seconds(tokens["train"])
            steps, state = batches * (chosen.epochs or 1), training.state_bytes
        trainable, parameters = self.parameters(chosen.fine_tune)
        return Plan(
            texts={name: len(part) for name, part in parts.items()},
            tokens={name: int(part.lengths.sum()) for name, part in tokens.items()},
            truncated={name: part.truncated for name, part in tokens.items()},
            steps=steps,
            trainable=trainable,
            parameters=parameters,
            seconds=seconds,
            memory=peak_memory() + state,
        )

    def evaluate(self, data: Dataset, keep: bool = False, watch: Watch = iter) -> dict[str, Any]:
        """Test the model: all that `measured` gives, and "truncated" {texts, tokens}.

        Args:
            data: examples, none of them trained on.
            keep: save the figures with the model, as those of its final test.
            watch: passes on the batches of texts, and sees them go.

        Raises:
            DataError: for a label the model does not have.
        """
        truncated = TruncationCount()
        found = self.measured(data, truncated, watch)
        found["truncated"] = asdict(truncated)
        if keep:
            self.record.setdefault("metrics", {})["test"] = self.for_folder(found)
            self.record.setdefault("data", {})["test"] = _described(data, truncated)
        return found

    def fit_config(self, given: dict[str, Any]) -> TrainingConfig:
        """How to train, without None, on rows that are not few.

        Args:
            given: fields of `training.config.TrainingConfig`.

        Raises:
            ConfigError: for an unknown field, or one that does not suit the task.
        """
        known = [field.name for field in fields(TrainingConfig)]
        if unknown := given.keys() - known:
            raise ConfigError(f"fit takes no {', '.join(sorted(unknown))}; it takes {', '.join(known)}")
        try:
            config = TrainingConfig(**given)
        except TypeError as error:
            raise ConfigError(f"fit: a value is of a wrong type ({error}); see TrainingConfig") from error
        if config.head == "logistic" and (why := refusal(self)):
            raise ConfigError(why)
        if config.is_closed_form and (idle := [name for name in GRADIENT_OPTIONS if given.get(name) is not None]):
            raise ConfigError(
                f"head 'logistic' on a frozen backbone takes no steps; leave {', '.join(idle)} out, or the head"
            )
        if config.fine_tune == "none" and self.architecture.hidden and self.windowed:
            raise ConfigError("a text's windows are stored as one vector, for a head of one layer; leave hidden out")
        if config.fine_tune == "none":
            config = TrainingConfig(
                **{**asdict(config), **{k: v for k, v in HEAD_ONLY_DEFAULTS.items() if given.get(k) is None}}
            )
        return config.with_defaults(self.backbone.training_defaults)

    def _prepared(
        self, data: Dataset, validation: Dataset | None, config: dict[str, Any]
    ) -> tuple[TrainingConfig, dict[str, Dataset], dict[str, Examples[TokenInputs]]]:
        chosen = self.fit_config(config)
        if validation is None:
            data, validation = data.split(1 - VALIDATION_SHARE, seed=chosen.seed)
        parts = {"train": data, "validation": validation}
        if empty := [name for name, part in parts.items() if not len(part)]:
            raise DataError(f"{' and '.join(empty)}: no texts; each of the two sets needs at least one")
        self.survey(data)
        # Any other way of training takes far longer than the text graph.
        kept = self.id_cache() if chosen.fine_tune == "none" and self.pooled else None
        read = {name: self.examples(part, kept) for name, part in parts.items()}
        if chosen.balance != "none":
            sampling_weights = self.sampling_weights(read["train"])
            read["train"].sampling_weights = sampling_weights if chosen.balance == "oversample" else None
        if config.get("head") is None:
            chosen = replace(chosen, head=default_head_init(self, chosen, read["train"], config))
        if chosen.is_closed_form:
            return replace(chosen, epochs=1), parts, read
        return extend_for_few_texts(chosen, _rows(read["train"]), config), parts, read

    def _run(self, chosen: TrainingConfig, parts: Mapping[str, Dataset]) -> dict[str, Any]:
        """All that makes a run what it is; what differs in any of it is another run."""
        described = self._config()
        kept = ("task", "settings", "preset", "preset_sha256", "backbone", "architecture", "precision", "versions")
        data = {name: part.fingerprint() for name, part in parts.items()}
        return {**{name: described[name] for name in kept}, "fit": asdict(chosen), "data_sha256": data}

    def _means(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        losses = self.loss(tf.constant(targets), tf.constant(outputs, tf.float32))
        return {**self.metrics(targets, outputs), "loss": float(tf.reduce_mean(losses))}


def task_class(task: str) -> type[TrainableTask]:
    """The class of a task that can be trained, by its id.

    Raises:
        ConfigError: when there is none.
    """
    kind: type[Task] = pkgutil.resolve_name(task_spec(task).class_path)
    if not issubclass(kind, TrainableTask):
        raise ConfigError(f"{task} cannot be trained")
    return kind


def _rows(train: Examples[TokenInputs]) -> int:
    """Of an epoch."""
    return rows_per_epoch(len(train), train.sampling_weights)


def language_task(preset: str | Path | Backbone, precision: str = "auto", **given: Any) -> TrainableTask:
    """The task by which a backbone learns from texts alone: text-generation where it is causal, else fill-mask.

    Args:
        preset: see `Task`.
        precision: "auto", "float32" or "mixed_bfloat16".
        given: what else the task takes.

    Raises:
        ConfigError: when the backbone can do neither.
        PresetError: when the preset cannot be loaded.
    """
    chosen, trust = runtime.choose_precision(precision), {"trust_savedmodel": given.pop("trust_savedmodel", False)}
    backbone = backbone_of(preset, chosen, trust)
    return task_class("text-generation" if backbone.is_causal else "fill-mask")(backbone, precision=chosen, **given)


def _described(data: Dataset, truncated: TruncationCount) -> dict[str, Any]:
    return {"source": data.source, "texts": len(data), "sha256": data.fingerprint(), "truncated": asdict(truncated)}
