"""The contract of a task that learns from unlabelled texts, to pretrain a backbone or adapt it to a domain."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load

from textgraft import runtime
from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError, DataError
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import backbone_of
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.objectives.language_model import MaskedTokens
from textgraft.tasks.row_results import OnResults
from textgraft.tasks.trainable import TrainableTask, WithProgress, task_class
from textgraft.text.cleaning import Cleaning
from textgraft.training import corpus
from textgraft.training.callbacks import Callback
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.id_cache import IdCache
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.state_files import read_arrays
from textgraft.training.token_ids import TruncationCount

# Logits in memory at once; a training step holds a few float32 copies of each.
_MAX_LOGITS = 2**26

# The state before the first step: the head's weights and its loss.
_INITIAL_STATE, _LOSS = "initial.safetensors", "loss"

# Documents in memory at once, each of which can be a book.
DOCUMENTS = 64

_TOKENS = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)


class LanguageModelling(TrainableTask):
    """A task that learns to predict a share of the tokens of unlabelled texts."""

    description = "a task that learns from unlabelled texts"
    objective: MaskedTokens
    ties_embeddings = True
    predicted_share: ClassVar[float] = 1.0

    def __init__(self, preset: str | Path | Backbone, precision: str = "auto", **options: Any) -> None:
        """Load the backbone; arguments: see `Task`. Pooling, hidden, dropout and truncation have no effect."""
        super().__init__(preset, precision, **options)
        self.objective = self._build_objective()
        # Documents are cleaned and cut into rows elsewhere.
        self._document_graph = replace(self.text_graph, cleaning=Cleaning(), start=None, end=None, sequence_length=None)
        self._vocabulary_rows = int(self.backbone.token_embedding.vectors.shape[0])

    @property
    def has_untrained_head(self) -> bool:
        return False

    def _build_objective(self) -> MaskedTokens:
        return MaskedTokens(self.architecture.sequence_length)

    def apply_head(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        return self.head(vectors)

    def _compile(self) -> None:
        super()._compile()
        self._infer_losses = inference_step(self._losses, (self.input_spec, _TOKENS))

    @abstractmethod
    def _read(self, data: Dataset, with_progress: WithProgress) -> Examples[Any]:
        """Rows of tokens, and the tokens to predict; see `evaluate` for `with_progress`."""

    def examples(self, data: Dataset, cache: IdCache | None = None) -> Examples[TokenInputs]:
        return self._read_examples(data, iter)

    def example_location(self, data: Dataset, row: int) -> str:
        """Rows are blocks of concatenated texts."""
        return f"{data.source}, block {row + 1}"

    def training_config(self, options: dict[str, Any]) -> TrainingConfig:
        """Also limits the tokens of a forward pass, which bounds the memory of the logits."""
        selected = {name: value for name, value in options.items() if value is not None}
        return super().training_config({"batch_tokens": self._batch_tokens, **selected})

    def before_training(
        self, run: Run, run_facts: Mapping[str, Any], checkpoints: Checkpoints | None, callback: Callback
    ) -> dict[str, float]:
        """Initialize the head and measure perplexity."""

        def compute() -> dict[str, FileContent]:
            self._fit_head(run.examples["train"], run.mode.config, callback)
            loss = np.array(self._mean_loss(run.examples["validation"], run.mode.config.batch_tokens))
            return {_INITIAL_STATE: to_safetensors({_LOSS: loss, **{weight.path: weight.numpy() for weight in head}})}

        head = self.head.weights
        if checkpoints is None:
            state = load(b"".join(compute()[_INITIAL_STATE]))
        else:
            path = checkpoints.prepared_files("initial", run_facts, compute) / _INITIAL_STATE
            state = read_arrays(path, {_LOSS: (), **{weight.path: tuple(weight.shape) for weight in head}})
        for weight in head:
            weight.assign(state[weight.path])
        perplexity = self.objective.metrics_from_loss(float(state[_LOSS]))["perplexity"]
        callback.on_message(f"perplexity before training: {perplexity:.2f}")
        return {"val_perplexity_before": perplexity}

    def _fit_head(self, train: Any, config: TrainingConfig, callback: Callback) -> None:
        """Train an untrained head alone; by default there is none."""

    def _evaluate(
        self,
        data: Dataset,
        truncated: TruncationCount,
        with_progress: WithProgress,
        on_results: OnResults | None = None,
    ) -> dict[str, Any]:
        if on_results is not None:
            raise ConfigError("a language model has no results of single texts; drop on_results (--out, --errors)")
        examples = self._read_examples(data, with_progress)
        truncated.add(examples.inputs.truncated)
        loss = self._mean_loss(examples)
        perplexity = self.objective.metrics_from_loss(loss)
        return {"texts": len(data), "tokens": int(examples.weights.sum()), "loss": loss, **perplexity}

    def _read_examples(self, data: Dataset, with_progress: WithProgress) -> Examples[Any]:
        examples = self._read(data, with_progress)
        if not examples.weights.sum():
            raise DataError(f"{data.source}: its {len(data):,} texts have no token to predict; add text")
        return examples

    def _token_stream(self, data: Dataset, with_progress: WithProgress, separator: int) -> np.ndarray:
        """All documents with a separator token before, between and after them: int32 (total,)."""
        texts = with_progress(batch.texts for batch in data.batches(DOCUMENTS))
        return corpus.tokenize_documents(texts, self.architecture.cleaning, self._document_graph, separator)

    def _mean_loss(self, examples: Examples[Any], batch_tokens: int | None = None) -> float:
        """Mean over the predicted tokens, in nats."""
        losses = compute_outputs(self._infer_losses, examples, batch_tokens or self._batch_tokens)
        return float(losses.sum(dtype=np.float64) / examples.weights.sum())

    def _losses(self, batch: tuple[Any, tf.RaggedTensor], training: bool) -> tf.Tensor:
        inputs, targets = batch
        return self.objective.loss(targets, self.forward(inputs, training))

    @property
    def _batch_tokens(self) -> int:
        max_tokens = int(_MAX_LOGITS / (self.predicted_share * self._vocabulary_rows))
        return max(1, min(self._encoder.batch_tokens, max_tokens))


def language_task(preset: str | Path | Backbone, precision: str = "auto", **options: Any) -> TrainableTask:
    """The task that trains a backbone on unlabelled texts: text-generation where it is causal, else fill-mask.

    Arguments and errors: see `Task`; a ConfigError also reports a backbone that supports neither.
    """
    precision = runtime.choose_precision(precision)
    backbone = backbone_of(preset, precision, {"trust_savedmodel": options.pop("trust_savedmodel", False)})
    name = "text-generation" if backbone.is_causal else "fill-mask"
    return task_class(name)(backbone, precision=precision, **options)
