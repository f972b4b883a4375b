"""What a way of fine-tuning trains, and what that is fed with."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft import runtime
from textgraft.artifact.cache import VectorCache
from textgraft.tasks.base import Task
from textgraft.training.activations import Activations, activations_of
from textgraft.training.compact import CompactTable
from textgraft.training.config import FitConfig
from textgraft.training.features import Extraction
from textgraft.training.history import Watcher
from textgraft.training.inputs import TokenIds
from textgraft.training.optimizer import weight_decay
from textgraft.training.step import Examples, Network

Read = Mapping[str, Examples[TokenIds]]


class Grafting:
    """A task's head on as much of its backbone as is trained.

    Attributes:
        chosen: how to train.
    """

    def __init__(
        self,
        task: Task,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        metrics: Callable[[np.ndarray, np.ndarray], dict[str, float]],
        chosen: FitConfig,
    ) -> None:
        """Choose.

        Args:
            task: has backbone, pooling and head.
            loss: see `Network`.
            metrics: see `Network`.
            chosen: without None.
        """
        self._task, self._loss, self._metrics, self.chosen = task, loss, metrics, chosen

    def to_train(self, read: Read, watcher: Watcher) -> tuple[Network, Examples[Any], Examples[Any]]:
        """The network, and the examples that train and judge it.

        Args:
            read: "train" and "validation".
            watcher: told of the texts that go through what is frozen.
        """
        if self.chosen.fine_tune == "all" or self.chosen.lora:
            return self._whole(read), read["train"], read["validation"]
        extracted = partial(watcher.extracted, total=sum(len(part.targets) for part in read.values()))
        if self.chosen.fine_tune == "none":
            extraction = self.extraction()
            train, judged = (
                Examples(extraction.vectors(part.inputs, extracted, watcher.note), part.targets)
                for part in read.values()
            )
            return self._network(self._task.head, self._task.head), train, judged
        return self._upper(read, extracted)

    def rehearse(self, read: Read, texts: int = 256) -> tuple[Network, Examples[Any], Examples[Any], float]:
        """`to_train`; where what is frozen is stored, for the first texts, with the seconds that all would take."""
        if not self.chosen.last:
            return self._whole(read), read["train"], read["validation"], 0.0
        some = {
            name: Examples(part.inputs.part(slice(0, min(texts, len(part.inputs)))), part.targets[:texts])
            for name, part in read.items()
        }
        start = time.monotonic()
        network, train, judged = self._upper(some, lambda _: None)
        share = sum(int(part.inputs.lengths.sum()) for part in some.values())
        whole = sum(int(part.inputs.lengths.sum()) for part in read.values())
        return network, train, judged, (time.monotonic() - start) * whole / max(1, share)

    def extraction(self) -> Extraction:
        """The frozen backbone, with the cache of its vectors."""
        task = self._task
        settings = {
            "pooling": task.architecture.pooling, "precision": task.precision, "versions": runtime.versions(),
        }  # fmt: skip
        return Extraction(task.pool, task.backbone, settings, VectorCache.of_user())

    def _whole(self, read: Read) -> Network:
        task, chosen = self._task, self.chosen
        if chosen.lora:  # the token table is not trained
            return self._network(task.model, task.forward)
        trained, judged = read["train"].inputs.ids, read["validation"].inputs.ids
        compact = CompactTable(task.backbone.token_table, trained, judged, weight_decay(chosen))
        return self._network(task.model, task.forward, compact)

    def _upper(
        self, read: Read, extracted: Callable[[int], None]
    ) -> tuple[Network, Examples[Activations], Examples[Activations]]:
        task, chosen = self._task, self.chosen
        halves = task.backbone.halves(chosen.last)
        below = tf.function(halves.below, input_signature=[TokenIds.spec], autograph=False)

        def stored(part: Examples[TokenIds]) -> Examples[Activations]:
            room = Activations(part.inputs.lengths, halves.dim, chosen.stored)
            return Examples(activations_of(below, part.inputs, room, chosen.batch_tokens or 1, extracted), part.targets)

        def forward(batch: tf.RaggedTensor, training: bool = False) -> tf.Tensor:
            return task.head(halves.above(batch, task.pooling, training), training=training)

        train, judged = stored(read["train"]), stored(read["validation"])
        inputs = halves.upper.input
        pooled = task.pooling(halves.upper.output, inputs["padding_mask"])
        return self._network(keras.Model(inputs, task.head(pooled)), forward), train, judged

    def _network(
        self, layers: keras.Model, forward: Callable[..., tf.Tensor], compact: CompactTable | None = None
    ) -> Network:
        return Network(layers, forward, self._loss, self._metrics, compact, self._task.backbone.stage)
