"""text-classification: one label per text, of two or more."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.data.parts import VALIDATION_SHARE
from textgraft.errors import ConfigError
from textgraft.evaluation import metrics
from textgraft.tasks.base import Task, as_batches
from textgraft.tasks.grafting import Grafting
from textgraft.training.checkpoints import Checkpoints, run_digest
from textgraft.training.config import FitConfig
from textgraft.training.history import History, Watcher
from textgraft.training.inputs import TokenIds, Truncation
from textgraft.training.logistic import fit_logistic
from textgraft.training.loop import Training
from textgraft.training.plan import Plan, peak_memory
from textgraft.training.progress import TrainingBar
from textgraft.training.step import Examples

# A model folder's config would grow with the square of the labels.
_MOST_CONFUSED = 500

# Of a head that trains alone on stored vectors, where a step costs nothing.
_HEAD_ALONE = {"learning_rate": 1e-2, "epochs": 30, "batch_size": 32}


class TextClassifier(Task):
    """Texts to labels. With two labels the model has one logit, for the second; with more, one each."""

    name = "text-classification"

    def __init__(
        self,
        preset: str | Path | Backbone,
        labels: Sequence[str],
        precision: str = "auto",
        **architecture: Any,
    ) -> None:
        """Load the backbone and put an untrained head on it.

        Args:
            preset: see `load_backbone`.
            labels: at least two different strings; `predict` speaks them.
            precision: "auto", "float32" or "mixed_bfloat16".
            architecture: fields of `tasks.base.Architecture`, and what `tasks.base.Task` takes.

        Raises:
            ConfigError: for fewer than two labels, or doubled ones.
        """
        self.labels = tuple(labels)
        if isinstance(labels, str) or len(set(self.labels)) < 2 or len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"labels must be at least two different strings, not {labels!r}")
        super().__init__(preset, precision, **architecture)

    def build_head(self, vector: keras.KerasTensor) -> keras.Model:
        """Dropout, the hidden layers, and a layer of logits; in float32."""
        seed, rate = self.architecture.seed, self.architecture.dropout
        x = vector
        for number, width in enumerate(self.architecture.hidden):
            x = keras.layers.Dropout(rate, seed=seed + number, name=f"dropout_{number}")(x)
            first = keras.initializers.GlorotUniform(seed=seed + number)
            x = keras.layers.Dense(width, "relu", kernel_initializer=first, dtype="float32", name=f"hidden_{number}")(x)
        number = len(self.architecture.hidden)
        x = keras.layers.Dropout(rate, seed=seed + number, name=f"dropout_{number}")(x)
        # Small: a wild head would tear at the backbone in the first steps.
        first = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed + number)
        x = keras.layers.Dense(self._logits, kernel_initializer=first, dtype="float32", name="logits")(x)
        return keras.Model(vector, x, name="head")

    def settings(self) -> dict[str, Any]:
        """The labels."""
        return {"labels": list(self.labels)}

    def fit(
        self,
        data: Dataset,
        validation: Dataset | None = None,
        watcher: Watcher | None = None,
        checkpoints: Checkpoints | str | Path | None = None,
        **config: Any,
    ) -> History:
        """Train; the model ends with the weights of its best epoch.

        Args:
            data: labelled texts.
            validation: judges each epoch; by default a stratified tenth is held back from `data`.
            watcher: told of each step and epoch; by default a progress bar.
            checkpoints: a folder for the state of the run, or `Checkpoints` already entered; an unfinished run that is
                there is resumed, and ends as if it had not been cut short.
            config: fields of `training.config.FitConfig`.

        Raises:
            ConfigError: for a value that makes no sense, or an unfinished run that is another one.
            DataError: for a label the model does not have.
            TrainingError: when the loss is no longer finite.
            BusyError: when another process uses the checkpoints.
            InterruptionError: after SIGINT or SIGTERM, with checkpoints; they are saved.
        """
        chosen, parts, read = self._prepared(data, validation, config)
        run = self._run(chosen, parts)
        with ExitStack() as stack:
            if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
                checkpoints = stack.enter_context(Checkpoints(checkpoints))
            watcher = watcher or stack.enter_context(TrainingBar(chosen.epochs or 1, len(parts["train"])))
            if chosen.lora:
                stack.enter_context(self.backbone.adapted(chosen.lora, chosen.seed))
            network, train, judge = self._grafting(chosen).to_train(read, watcher)
            if chosen.head == "logistic":
                history = fit_logistic(self.head.layers[-1], train, judge, self._means)
            else:
                history = Training(network, train, judge, chosen, watcher).run(checkpoints, run)
        self.history = history.records
        self.record = {
            "run": run_digest(run),
            "fit": {**asdict(chosen), "best_epoch": history.best_epoch, "seconds": round(history.seconds, 3)},
            "metrics": {"validation": history.records[history.best_epoch - 1]},
            "data": {name: _described(part, read[name].inputs.truncation) for name, part in parts.items()},
        }
        return history

    def plan(self, data: Dataset, validation: Dataset | None = None, **config: Any) -> Plan:
        """What `fit` with these arguments would take. It trains nothing, but times a few steps.

        Raises:
            ConfigError: for a value that makes no sense.
            DataError: for a label the model does not have.
        """
        chosen, parts, read = self._prepared(data, validation, config)
        tokens = {name: part.inputs for name, part in read.items()}
        batches = -(-len(parts["train"]) // (chosen.batch_size or 1))
        if chosen.fine_tune == "none":
            extraction = self._grafting(chosen).extraction()
            seconds, state = sum(map(extraction.rehearse, tokens.values())), 0
            steps = 0 if chosen.head == "logistic" else batches * (chosen.epochs or 1)
        else:
            with self.backbone.adapted(chosen.lora, chosen.seed) if chosen.lora else nullcontext():
                network, train, judged, seconds = self._grafting(chosen).rehearse(read)
                training = Training(network, train, judged, chosen, TrainingBar(0, 0))
                seconds += training.rehearse() * tokens["train"].lengths.sum() / max(1, train.inputs.lengths.sum())
            steps, state = batches * (chosen.epochs or 1), training.state_bytes
        trainable, parameters = self.parameters(chosen.fine_tune)
        return Plan(
            texts={name: len(part) for name, part in parts.items()},
            tokens={name: int(part.lengths.sum()) for name, part in tokens.items()},
            truncated={name: part.truncation for name, part in tokens.items()},
            steps=steps,
            trainable=trainable,
            parameters=parameters,
            seconds=seconds,
            memory=peak_memory() + state,
        )

    def evaluate(
        self, data: Dataset, keep: bool = False, watch: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]] = iter
    ) -> dict[str, Any]:
        """Loss, accuracy, macro F1 and all that `metrics.classification` gives, and "truncated" {texts, tokens}.

        Args:
            data: labelled texts, none of them trained on.
            keep: save the figures with the model, as those of its final test; above 500 labels without the matrix of
                confusions.
            watch: passes on the batches of texts, and sees them go.

        Raises:
            DataError: for a label the model does not have.
        """
        targets = data.label_ids(self.labels)
        truncation = Truncation()
        probabilities = np.concatenate(list(self.probabilities(watch(as_batches(data)), truncation)))
        found = metrics.classification(targets, probabilities, self.labels)
        found["truncated"] = asdict(truncation)
        if keep:
            left_out = {"confusion"} if len(self.labels) > _MOST_CONFUSED else set()
            kept = {name: value for name, value in found.items() if name not in left_out}
            self.record.setdefault("metrics", {})["test"] = kept
            self.record.setdefault("data", {})["test"] = _described(data, truncation)
        return found

    def predict(self, texts: Sequence[str] | Dataset) -> list[str]:
        """The most probable label of each text."""
        return [label for part in self.probabilities(as_batches(texts)) for label in self.decode(part)]

    def predict_proba(self, texts: Sequence[str] | Dataset) -> np.ndarray:
        """Float32 (n, labels): the probability of each label, in the order of `labels`."""
        parts = list(self.probabilities(as_batches(texts)))
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)

    def probabilities(self, texts: Iterable[np.ndarray], truncation: Truncation | None = None) -> Iterator[np.ndarray]:
        """Stream probabilities.

        Args:
            texts: object arrays of UTF-8 bytes.
            truncation: what it takes is added to this.

        Yields:
            float32 (m, labels) for one window of texts after the other.
        """
        for logits in self.outputs(texts, truncation):
            yield self._probabilities(logits)

    def decode(self, probabilities: np.ndarray) -> list[str]:
        """Probabilities (n, labels) to labels."""
        return [self.labels[index] for index in probabilities.argmax(axis=1)]

    def loss(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Cross-entropy from logits: float32 (b,).

        Args:
            targets: int32 (b,), indices of labels.
            logits: float32 (b, 1) or (b, labels).
        """
        if self._logits == 1:
            return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, tf.float32), logits[:, 0])
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)

    def metrics(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """Accuracy, for the history."""
        return {"accuracy": float(np.mean(self._probabilities(logits).argmax(axis=1) == targets))}

    @property
    def _logits(self) -> int:
        return 1 if len(self.labels) == 2 else len(self.labels)

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        if self._logits == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def _fit_config(self, given: dict[str, Any]) -> FitConfig:
        try:
            config = FitConfig(**given)
        except TypeError as error:
            raise ConfigError(f"fit: {error}") from error
        if config.head == "logistic" and self.architecture.hidden:
            raise ConfigError("head 'logistic' is one layer; leave out hidden")
        if config.fine_tune == "none":
            config = FitConfig(**{**asdict(config), **{k: v for k, v in _HEAD_ALONE.items() if given.get(k) is None}})
        return config.filled(self.backbone.fit_defaults)

    def _prepared(
        self, data: Dataset, validation: Dataset | None, config: dict[str, Any]
    ) -> tuple[FitConfig, dict[str, Dataset], dict[str, Examples[TokenIds]]]:
        chosen = self._fit_config(config)
        if validation is None:
            data, validation = data.split(1 - VALIDATION_SHARE, seed=chosen.seed)
        parts = {"train": data, "validation": validation}
        return chosen, parts, {name: self._read(part) for name, part in parts.items()}

    def _read(self, data: Dataset) -> Examples[TokenIds]:
        return Examples(self.tokenize(as_batches(data)), data.label_ids(self.labels))

    def _run(self, chosen: FitConfig, parts: Mapping[str, Dataset]) -> dict[str, Any]:
        """All that makes a run what it is; what differs in any of it is another run."""
        described = self._config()
        kept = ("task", "settings", "preset", "preset_sha256", "architecture", "precision", "versions")
        data = {name: part.fingerprint() for name, part in parts.items()}
        return {**{name: described[name] for name in kept}, "fit": asdict(chosen), "data_sha256": data}

    def _grafting(self, chosen: FitConfig) -> Grafting:
        return Grafting(self, self.loss, self.metrics, chosen)

    def _means(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        losses = self.loss(tf.constant(targets), tf.constant(logits, tf.float32))
        return {**self.metrics(targets, logits), "loss": float(tf.reduce_mean(losses))}


def _described(data: Dataset, truncation: Truncation) -> dict[str, Any]:
    return {"source": data.source, "texts": len(data), "sha256": data.fingerprint(), "truncated": asdict(truncation)}
