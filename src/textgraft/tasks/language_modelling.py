"""The contract of a task that learns from texts without labels, and by which a backbone is trained before others."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from rich.console import RenderableType
from rich.table import Table
from safetensors.numpy import load, load_file

from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.errors import DataError
from textgraft.storage import folders
from textgraft.storage.safetensors import to_safetensors
from textgraft.tasks.trainable import TrainableTask, Watch
from textgraft.text.cleaning import Cleaning
from textgraft.training import corpus
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.progress import Callback
from textgraft.training.token_ids import IdCache, TruncationCount

# Logits at once; of each number there are a few copies of four bytes in a training step.
_LOGITS = 2**26

# What was done before the first step: the head as it was then, and its loss.
_BEGUN, _LOSS = "begun.safetensors", "loss"

# Its exponential is still a number.
_HIGHEST_LOSS = 600.0

# Documents read at once, each of which can be a book.
_DOCUMENTS = 64

_TOKENS = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)


class LanguageModelling(TrainableTask):
    """Texts teach which tokens belong where; perplexity says how well a model knows.

    Attributes:
        judged_share: of all tokens, those that are to be found.
    """

    name = "a task that learns from texts alone"
    score = None
    pooled = False
    compact = False
    judged_share: ClassVar[float] = 1.0

    def __init__(self, preset: str | Path | Backbone, precision: str = "auto", **architecture: Any) -> None:
        """Load the backbone.

        Args:
            preset: see `load_backbone`.
            precision: "auto", "float32" or "mixed_bfloat16".
            architecture: fields of `Architecture`, of which pooling, hidden, dropout and long have no effect
                here, and what `tasks.base.Task` takes.
        """
        super().__init__(preset, precision, **architecture)
        self._words = replace(self.text_graph, cleaning=Cleaning(), start=None, end=None, sequence_length=None)
        self._vocabulary_rows = int(self.backbone.token_table.vectors.shape[0])
        self._judge = inference_step(self._losses, (self.input_spec, _TOKENS))

    @abstractmethod
    def read(self, data: Dataset, watch: Watch) -> Examples[Any]:
        """Rows of tokens, and those to be found.

        Args:
            data: documents.
            watch: passes on the batches of texts, and sees them go.
        """

    def examples(self, data: Dataset, kept: IdCache | None = None) -> Examples[TokenInputs]:
        """Documents as rows of tokens, and those to be found.

        Raises:
            DataError: when there are none.
        """
        return self._examples(data, iter)

    def kept(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        """Nothing of each row: the loss says all."""
        return tf.zeros([targets.nrows(), 0])

    def metrics(self, targets: Any, outputs: Any) -> dict[str, float]:
        """None beside the loss."""
        return {}

    def from_loss(self, loss: float) -> dict[str, float]:
        """Perplexity: among how many tokens the model hesitates, as it were."""
        return {"perplexity": math.exp(min(loss, _HIGHEST_LOSS))}

    def begin(
        self,
        read: Mapping[str, Examples[Any]],
        chosen: TrainingConfig,
        run: Mapping[str, Any],
        checkpoints: Checkpoints | None,
        callback: Callback,
    ) -> dict[str, float]:
        """Make the head ready and measure perplexity, before the first step."""

        def make() -> dict[str, folders.Content]:
            self.fit_head(read["train"], chosen, callback)
            loss = np.array(self._loss(read["validation"], chosen.batch_tokens))
            return {_BEGUN: to_safetensors({_LOSS: loss, **{weight.path: weight.numpy() for weight in head}})}

        head = self.head.weights
        if checkpoints is None:
            begun = load(b"".join(make()[_BEGUN]))
        else:
            begun = load_file(checkpoints.prepared_files("begun", run, make) / _BEGUN)
        for weight in head:
            weight.assign(begun[weight.path])
        perplexity = self.from_loss(float(begun[_LOSS]))["perplexity"]
        callback.on_message(f"perplexity before training: {perplexity:.2f}")
        return {"val_perplexity_before": perplexity}

    def place(self, data: Dataset, row: int) -> str:
        """Rows are blocks of texts put end to end, unless each is a prompt with its completion."""
        return data.location(row) if data.paired else f"{data.source}, block {row + 1}"

    def fit_head(self, train: Any, chosen: TrainingConfig, callback: Callback) -> None:
        """Make a head that knows nothing ready for a backbone that does; nothing where there is none."""

    def measured(self, data: Dataset, truncated: TruncationCount, watch: Watch) -> dict[str, Any]:
        """Loss (nats per token) and perplexity, and of how many tokens."""
        examples = self._examples(data, watch)
        truncated.add(examples.inputs.truncated)
        loss = self._loss(examples)
        return {"texts": len(data), "tokens": int(examples.weights.sum()), "loss": loss, **self.from_loss(loss)}

    def summary(self) -> str:
        """How long the rows are."""
        return f"blocks of {self.architecture.sequence_length} tokens"

    def report(self, found: dict[str, Any]) -> RenderableType:
        """Perplexity, loss, and of how much."""
        table = Table(title=f"{found['texts']:,} texts, {found['tokens']:,} tokens", title_justify="left")
        for name in ("perplexity", "loss"):
            table.add_column(name, justify="right")
        table.add_row(f"{found['perplexity']:.2f}", f"{found['loss']:.4f}")
        return table

    def _stream(self, data: Dataset, watch: Watch, end: int) -> np.ndarray:
        """All documents, with a token before, between and after them: int32 (total,)."""
        texts = watch(batch.texts for batch in data.batches(_DOCUMENTS))
        return corpus.tokenize_documents(texts, self.architecture.cleaning, self._words, end)

    def _examples(self, data: Dataset, watch: Watch) -> Examples[Any]:
        examples = self.read(data, watch)
        if not examples.weights.sum():
            raise DataError(f"{data.source}: none of its {len(data):,} texts has a token to be found; give more text")
        return examples

    def _loss(self, examples: Examples[Any], batch_tokens: int | None = None) -> float:
        """Mean over the tokens to be found."""
        losses = compute_outputs(self._judge, examples, batch_tokens or self._batch_tokens)
        return float(losses.sum(dtype=np.float64) / examples.weights.sum())

    def _losses(self, batch: tuple[Any, tf.RaggedTensor], training: bool) -> tf.Tensor:
        inputs, targets = batch
        return self.loss(targets, self.forward(inputs, training))

    @property
    def _batch_tokens(self) -> int:
        most = int(_LOGITS / (self.judged_share * self._vocabulary_rows))
        return max(1, min(self.backbone.training_defaults.batch_tokens, most))

    def fit_config(self, given: dict[str, Any]) -> TrainingConfig:
        """Steps of as many tokens as the logits leave room for; see `TrainableTask.fit_config`."""
        asked = {name: value for name, value in given.items() if value is not None}
        return super().fit_config({"batch_tokens": self._batch_tokens, **asked})
