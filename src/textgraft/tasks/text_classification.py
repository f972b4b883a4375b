"""text-classification: one label per text, a set of labels, or a number."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.layers import relu
from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.descriptions import read_descriptions
from textgraft.data.label_types import Label
from textgraft.data.labels import SINGLE
from textgraft.data.python_inputs import one_line
from textgraft.errors import ConfigError
from textgraft.model_folder.config import ZERO_SHOT
from textgraft.ngrams.model import NgramModel
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.held_out import Assessment, HeldOut, cross_validate, pass_on, validation_metrics
from textgraft.tasks.ngrams import Ngrams, fit_ngrams
from textgraft.tasks.novelty import Novelty
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.promises import set_thresholds
from textgraft.tasks.row_results import OnResults
from textgraft.tasks.texts import WINDOW
from textgraft.tasks.trainable import TrainableTask, WithProgress
from textgraft.tasks.zero_shot import set_zero_shot
from textgraft.training.callbacks import Callback
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.id_cache import IdCache
from textgraft.training.token_ids import TruncationCount

_OBJECTIVES: dict[str, type[TextObjective]] = {kind.name: kind for kind in (SingleLabel, MultiLabel, Regression)}


class TextClassifier(TrainableTask):
    """Texts, or pairs of texts, to labels, sets of labels or numbers.

    Attributes:
        ngrams: the n-gram model whose logits are added to the network's; None where there is none.
    """

    name = "text-classification"
    public: ClassVar[tuple[str, ...]] = (
        "descriptions", "labels", "pairs", "predict", "predict_proba", "predict_sets", "zero_shot"
    )  # fmt: skip
    objective: TextObjective
    ngrams: Ngrams | None = None

    def __init__(
        self,
        preset: str | Path | Backbone,
        labels: Iterable[Label] = (),
        precision: str = "auto",
        *,
        problem: str = "single-label",
        pairs: bool = False,
        descriptions: Any = None,
        **options: Any,
    ) -> None:
        """Load the backbone and build an untrained head.

        Args:
            preset: name, address or path; see docs/guide/presets.md.
            labels: different strings, integers or booleans, which `predict` returns; none for regression.
            precision: "auto", "float32" or "mixed_bfloat16".
            problem: "single-label", "multi-label" or "regression".
            pairs: whether each text has a second one.
            descriptions: what each label means, for `zero_shot` and as a prior for `fit`: a mapping from labels to
                strings or lists of strings, or the path of a TOML file of it; without labels, its keys are the labels.
            options: arguments of all models (see `Task`), and of the problem's class in `tasks.objectives`.

        Raises:
            ConfigError: for an unknown problem, labels or descriptions that do not suit it, and for descriptions that
                are invalid (see `read_descriptions`).
        """
        if not isinstance(problem, str) or problem not in _OBJECTIVES:
            raise ConfigError(f"problem {one_line(problem)} is unknown; choose one of {', '.join(_OBJECTIVES)}")
        kind: Any = _OBJECTIVES[problem]
        if descriptions is not None and (problem != SINGLE or pairs):
            raise ConfigError("descriptions are for models of one label per single text; drop descriptions")
        if descriptions is not None and options.get("hidden"):
            raise ConfigError("descriptions are for a head of one layer; drop descriptions or hidden")
        if descriptions is not None and isinstance(labels, tuple) and not labels:
            # The keys of a mapping keep their types; those of a file are strings.
            labels = tuple(descriptions if isinstance(descriptions, Mapping) else read_descriptions(descriptions))
        try:
            self.objective = kind(labels, **{name: options.pop(name) for name in kind.options if name in options})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"wrong type of an option of {problem} ({error}); see the Python API") from error
        if descriptions is not None:
            self.descriptions = read_descriptions(descriptions, self.objective.labels)
        self.pairs = pairs
        super().__init__(preset, precision, **options)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of `predict_proba`; empty for regression."""
        return self.objective.classes

    @property
    def output_labels(self) -> tuple[str, ...]:
        return tuple(self.objective.labels)

    def output_map(self) -> tuple[np.ndarray, np.ndarray]:
        return self.objective.output_map()

    def build_head(self) -> keras.Model:
        """Dropout, the hidden layers, and a layer of logits; in float32."""
        seed, rate = self.architecture.seed, self.architecture.dropout
        x = vector = keras.Input((self.backbone.dim,), name="vector")
        for index, width in enumerate(self.architecture.hidden):
            x = keras.layers.Dropout(rate, seed=seed + index, name=f"dropout_{index}")(x)
            initializer = keras.initializers.GlorotUniform(seed=seed + index)
            options: dict[str, Any] = {"kernel_initializer": initializer, "dtype": "float32", "name": f"hidden_{index}"}
            x = keras.layers.Dense(width, relu, **options)(x)
        index = len(self.architecture.hidden)
        x = keras.layers.Dropout(rate, seed=seed + index, name=f"dropout_{index}")(x)
        # Small initial weights: large gradients would damage the backbone in the first steps.
        initializer = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed + index)
        x = keras.layers.Dense(self.objective.width, kernel_initializer=initializer, dtype="float32", name="logits")(x)
        return keras.Model(vector, x, name="head")

    def settings(self) -> dict[str, Any]:
        problem = {} if isinstance(self.objective, SingleLabel) else {"problem": self.objective.name}
        descriptions = {label: list(texts) for label, texts in self.descriptions.items()}
        return {
            **problem,
            **self.objective.settings(),
            **({"pairs": True} if self.pairs else {}),
            **({"descriptions": descriptions} if descriptions else {}),
        }

    @property
    def has_untrained_head(self) -> bool:
        return not self.record.get(ZERO_SHOT) and super().has_untrained_head

    def zero_shot(
        self, unlabelled: Any = None, *, text: str | None = None, max_unlabelled: int | None = None
    ) -> tuple[str, ...]:
        """Set the head from the descriptions of the labels, or from their names, without a labelled text.

        A label's logit is proportional to the cosine of the embedding of a text and that of the label's descriptions.

        Args:
            unlabelled: texts as in `fit`, on which head and n-grams are co-trained; no labelled text tests that.
            text: the column of texts, where `unlabelled` is a table or a file.
            max_unlabelled: maximum texts that are used, drawn at random; by default 5,000, of 3 MB together.

        Returns:
            lines about the unlabelled texts, such as of those that are not used.

        Raises:
            DataError: for unusable texts; see `fit`.
            ConfigError: when a name is not a word, such as "0" or "LABEL_3"; for a description that has no embedding;
                and for models of pairs, sets of labels or numbers, with hidden layers, or that are trained.
        """
        self._require_trainable()
        roles = {} if text is None else {"text": text}
        return set_zero_shot(self, self._reader().read_unlabelled(unlabelled, roles), max_unlabelled)

    def serve(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.objective.serve(self.text_outputs(*texts))

    def reference_answers(
        self, texts: Sequence[Any], truncated: TruncationCount | None = None
    ) -> dict[str, np.ndarray]:
        return self.objective.named_answers(self.reference_outputs(texts, truncated))

    @property
    def weights(self) -> dict[str, keras.Variable]:
        ngrams = self.ngrams.model.weights if self.ngrams else {}
        return {**super().weights, **ngrams, **(self.novelty.weights if self.novelty else {})}

    def restore(self, config: Mapping[str, Any]) -> None:
        if facts := config.get("ngrams"):
            self.ngrams = Ngrams(NgramModel(facts["features"], self.objective.width, self.architecture.cleaning), facts)

        if facts := config.get("novelty"):
            self.set_novelty(Novelty(facts, len(self.labels)))

    def config(self) -> dict[str, Any]:
        parts = {"ngrams": self.ngrams, "novelty": self.novelty}
        return {**super().config(), **{name: dict(part.facts) for name, part in parts.items() if part}}

    def inference_settings(self) -> dict[str, Any]:
        names = ("thresholds", "abstain_below", "set_threshold", "reject_above")
        return {
            "problem": self.objective.name,
            "labels": list(self.objective.labels),
            "classes": list(self.labels),
            **{name: value for name, value in self.objective.settings().items() if name in names},
        }

    def text_outputs(self, *texts: tf.Tensor) -> tf.Tensor:
        outputs = super().text_outputs(*texts)
        if self.ngrams is None:
            return outputs
        width = self.objective.width
        return tf.concat([outputs[:, :width] + self.ngrams.model(*texts), outputs[:, width:]], 1)

    def complete_outputs(self, texts: np.ndarray, outputs: Any) -> Any:
        if self.ngrams is not None:
            outputs[:, : self.objective.width] += self.ngrams.model.logits(texts)
        return outputs

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.Tensor:
        """In predictions of a model that rejects unknown texts, their distance too: float32 (b, width + 1)."""
        novelty = self.novelty
        if novelty is None or training or split is not None:
            return super().forward(batch, training, split)

        def logits_and_vectors(rows: Any) -> tf.Tensor:
            vectors = self._encoder.pool(rows, self.pooling, training)
            return tf.concat([self.head(vectors), vectors], 1)

        width = self.objective.width
        values = self._mean_over_windows(logits_and_vectors, batch, width + self.backbone.dim, training)
        return tf.concat([values[:, :width], novelty(values[:, width:])], 1)

    def _forward_with_vectors(self, batch: Any, training: bool) -> tf.Tensor:
        """As in `forward`, the outputs of a model that rejects unknown texts end with their distance."""
        values = super()._forward_with_vectors(batch, training)
        if self.novelty is None:
            return values
        return tf.concat([values, self.novelty(values[:, : self.backbone.dim])], 1)

    def after_training(
        self,
        run: Run,
        train: Examples[Any],
        validation: Examples[Any] | None,
        outputs: Callable[[], Any],
        initial_metrics: Mapping[str, float],
        callback: Callback,
    ) -> Assessment:
        self.ngrams = None
        if not run.mode.config.ngrams:
            return super().after_training(run, train, validation, outputs, initial_metrics, callback)
        cross_validated = cross_validate(run, train)
        validated = None
        if validation is not None:
            validated = HeldOut(run.data["validation"], np.asarray(validation.targets), outputs())
        evaluated = cast("HeldOut", validated or cross_validated)
        fitted = fit_ngrams(run, validated, cross_validated)
        if isinstance(fitted, str):
            callback.on_message(f"n-grams: not used; {fitted}")
            return super().after_training(run, train, validation, lambda: evaluated.outputs, initial_metrics, callback)
        objective = cast("SingleLabel", self.objective)
        before = objective.metrics(evaluated.targets, evaluated.outputs)["accuracy"]
        self.ngrams, objective.temperature = fitted.ngrams, fitted.temperature
        set_thresholds(run, evaluated.targets, fitted.logits, callback)
        metrics = validation_metrics(run, evaluated.targets, fitted.logits, fitted.temperature)
        kind = "validation" if validated else "cross-validated"
        accuracies = f"{kind} accuracy {before:.3f} -> {metrics['val_accuracy']:.3f} ({len(evaluated.targets):,} texts)"
        callback.on_message(f"n-grams: {accuracies}; {fitted.summary}")
        if not validated:
            pass_on(self, evaluated.data, fitted.logits)
        return Assessment(metrics, None if validated else objective.evaluate(evaluated.data, fitted.logits))

    def examples(self, data: Dataset, cache: IdCache | None = None) -> Examples[TokenInputs]:
        return Examples(self.tokenize(_batches(data), cache), self.objective.targets(data))

    def check_labels(self, data: Dataset) -> None:
        self.objective.targets(data)

    def _evaluate(
        self,
        data: Dataset,
        truncated: TruncationCount,
        with_progress: WithProgress,
        on_results: OnResults | None = None,
    ) -> dict[str, Any]:
        self.check_labels(data)
        logits = np.concatenate(list(self.outputs(with_progress(_batches(data)), truncated)))
        for rows in data.windows(WINDOW) if on_results else ():
            part = data.take(rows)
            on_results(part, self.objective.row_results(part, logits[rows.start : rows.stop]))  # type: ignore[misc]
        return self.objective.evaluate(data, logits)

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        return map(self.objective.answers, self.outputs(texts, truncated))

    def probabilities(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[np.ndarray]:
        """Stream probabilities, float32 (m, labels), or the numbers of a regression; arguments: see `outputs`."""
        return map(self.objective.probabilities, self.outputs(texts, truncated))

    def predict(self, texts: Any, *, text: str | None = None, pair: str | None = None) -> Any:
        """The label of each text, None where the model abstains, the list of its labels, or its number.

        Of a single string, one answer, not a list.

        Args:
            texts: a string, or any object that holds texts; see `as_batches`.
            text: the text column, where `texts` is a table or a file; by default as in training.
            pair: the column of second texts.

        Raises:
            DataError: for another object, or a text that is missing.
        """
        parts = self.outputs(self.text_batches(texts, text=text, pair=pair))
        answers = [answer for part in parts for answer in self.objective.predictions(part)]
        return answers[0] if isinstance(texts, str) else answers

    def predict_sets(self, texts: Any, *, text: str | None = None, pair: str | None = None) -> list[Any]:
        """Labels of each text, the most probable first, that contain the true one as often as `fit(coverage=...)` set.

        Arguments and errors are those of `predict`; a ConfigError also reports a model without such sets.
        """
        parts = self.probabilities(self.text_batches(texts, text=text, pair=pair))
        sets = [labels for part in parts for labels in self.objective.label_sets(part)]
        return sets[0] if isinstance(texts, str) else sets

    def predict_proba(self, texts: Any, *, text: str | None = None, pair: str | None = None) -> np.ndarray:
        """The probability of each label, in the order of `labels`: float32 (n, labels); of a single string, (labels,).

        Arguments and errors are those of `predict`; a ConfigError also reports a regression.
        """
        if not self.labels:
            raise ConfigError("regression has no probabilities; use predict")
        parts = list(self.probabilities(self.text_batches(texts, text=text, pair=pair)))
        probabilities = np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)
        return probabilities[0] if isinstance(texts, str) else probabilities

    def _facts(self) -> list[str]:
        facts = super()._facts()
        return [*facts[:-1], "zero-shot"] if self.record.get(ZERO_SHOT) else facts

    def _reading(self, **columns: str | None) -> Reading:
        separator = getattr(self.objective, "label_separator", None)
        return replace(super()._reading(**columns), problem=self.objective.name, label_separator=separator)


def _batches(data: Dataset) -> Iterator[np.ndarray]:
    return (batch.inputs for batch in data.batches(WINDOW))
