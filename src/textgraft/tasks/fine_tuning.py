"""What a way of fine-tuning trains, and what that is fed with."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import keras
import tensorflow as tf

from textgraft import runtime
from textgraft.storage.array_cache import ArrayCache
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.features import Activations, FeatureExtractor, check_disk_space, store_activations
from textgraft.training.optimizer import weight_decay
from textgraft.training.progress import Callback
from textgraft.training.step import Network
from textgraft.training.windows import SampledWindows

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask

Read = Mapping[str, Examples[TokenInputs]]


class FineTuning:
    """A task's head on as much of its backbone as is trained.

    Attributes:
        chosen: how to train.
    """

    def __init__(self, task: "TrainableTask", chosen: TrainingConfig) -> None:
        """Choose.

        Args:
            task: has backbone and head.
            chosen: without None.
        """
        self._task, self.chosen = task, chosen

    def to_train(self, read: Read, callback: Callback) -> tuple[Network, Examples[Any], Examples[Any]]:
        """The network, and the examples that train and judge it.

        Args:
            read: "train" and "validation".
            callback: told of the texts that go through what is frozen.
        """
        if self.chosen.fine_tune == "all" or self.chosen.lora_rank:
            return self._whole(read), self._bounded(read["train"], callback), read["validation"]
        if self.chosen.last_blocks or not self._task.pooled:
            self._require_room(read)
            network, train, judged = self._upper(read, self._below(read), _extracted(read.values(), callback))
            return network, self._bounded(train, callback), judged
        train, judged = self.over_vectors(list(read.values()), callback)
        return self._network(read, self._task.head, self._task.head), train, judged

    def over_vectors(self, parts: Sequence[Examples[TokenInputs]], callback: Callback) -> list[Examples[Any]]:
        """Examples with the vectors that the backbone, as it is, gives for their texts.

        Args:
            parts: examples.
            callback: told of the texts that go through the backbone.
        """
        extraction, extracted = self.extraction(), _extracted(parts, callback)
        return [
            part.with_vectors(extraction.extract(part.inputs.tokens, extracted, callback.on_message)) for part in parts
        ]

    def rehearse(self, read: Read, texts: int = 256) -> tuple[Network, Examples[Any], Examples[Any], float]:
        """`to_train`; where what is frozen is stored, for the first texts, with the seconds that all would take."""
        if self.chosen.fine_tune == "all" or self.chosen.lora_rank:
            return self._whole(read), self._bounded(read["train"]), read["validation"], 0.0
        self._require_room(read)
        # As large a share of each part, so that one factor leads from them to all.
        share = min(1, texts / max(1, len(read["train"])))
        some = {name: part.part(slice(0, math.ceil(share * len(part)))) for name, part in read.items()}
        below = self._below(read)
        self._upper({name: part.part(slice(0, 1)) for name, part in read.items()}, below, lambda _: None)  # compiles
        start = time.monotonic()
        network, train, judged = self._upper(some, below, lambda _: None)
        seconds = time.monotonic() - start
        return network, self._bounded(train), judged, seconds * _tokens(read) / max(1, _tokens(some))

    def extraction(self) -> FeatureExtractor:
        """The frozen backbone, with the cache of its vectors."""
        task = self._task
        settings = {
            "pooling": task.architecture.pooling, "precision": task.precision, "versions": runtime.versions(),
            "batch_tokens": self.chosen.batch_tokens,  # what a text is padded to changes its last bits
        }  # fmt: skip
        cache, batch_tokens = ArrayCache.from_environment(), self.chosen.batch_tokens
        return FeatureExtractor(task.pool, task.input_spec, task.backbone, settings, cache, batch_tokens)

    def _bounded(self, train: Examples[Any], callback: Callback | None = None) -> Examples[Any]:
        """Training examples, of which no text has more windows than memory is meant for."""
        most = self._task.most_windows
        if not self._task.windowed or train.inputs.windows.lengths.max(initial=0) <= most:
            return train
        bounded = SampledWindows(train, train.inputs.windows, most, self.chosen.seed)
        if callback:
            callback.on_message(
                f"{bounded.sampled:,} texts have more than {most} windows: an epoch takes {most} of each, drawn anew"
            )
        return bounded

    def _whole(self, read: Read) -> Network:
        task, chosen = self._task, self.chosen
        if chosen.lora_rank or not task.compact:  # the token table is not trained, or all of it
            return self._network(read, task.model, task.forward)
        trained, judged = (read[name].inputs.tokens.ids for name in ("train", "validation"))
        compact = EmbeddingSubset(task.backbone.token_table, trained, judged, weight_decay(chosen))
        return self._network(read, task.model, task.forward, compact)

    def _require_room(self, read: Read) -> None:
        tokens = sum(int(part.inputs.tokens.lengths.sum()) for part in read.values())
        check_disk_space(tokens, self._task.backbone.halves(self.chosen.last_blocks).dim, self.chosen.cache_dtype)

    def _below(self, read: Read) -> Callable[[Any], Any]:
        """The blocks that are not trained, compiled."""
        below = partial(self._task.below, self._task.backbone.halves(self.chosen.last_blocks))
        return cast(
            "Callable[[Any], Any]",
            tf.function(below, input_signature=[read["train"].inputs.tokens.spec], autograph=False),
        )

    def _upper(
        self, read: Read, below: Callable[[Any], Any], extracted: Callable[[int], None]
    ) -> tuple[Network, Examples[Any], Examples[Any]]:
        task, chosen = self._task, self.chosen
        halves = task.backbone.halves(chosen.last_blocks)

        def stored(part: Examples[TokenInputs]) -> Examples[Any]:
            tokens = part.inputs.tokens
            room = Activations(tokens.lengths, halves.dim, chosen.cache_dtype)
            return part.with_vectors(store_activations(below, tokens, room, chosen.batch_tokens or 1, extracted))

        def forward(batch: Any, training: bool = False) -> Any:
            return task.above(halves, batch, training)

        train, judged = stored(read["train"]), stored(read["validation"])
        inputs = halves.upper.input
        layers = keras.Model(inputs, task.on_top(halves.upper.output, inputs["padding_mask"]))
        return self._network(read, layers if chosen.last_blocks else task.head, forward), train, judged

    def _network(
        self, read: Read, layers: keras.Model, forward: Callable[..., Any], compact: EmbeddingSubset | None = None
    ) -> Network:
        task = self._task
        return Network(
            layers=layers,
            forward=forward,
            loss=task.loss,
            metrics=task.metrics,
            scores=task.scores,
            kept=task.kept,
            score=task.score,
            from_loss=task.from_loss,
            compact=compact,
            stage=task.backbone.stage,
            objective=task.objective(self.chosen.balance, read["train"]),
        )


def _tokens(parts: Read) -> int:
    return sum(int(part.lengths.sum()) for part in parts.values())


def _extracted(parts: Collection[Examples[TokenInputs]], callback: Callback) -> Callable[[int], None]:
    return partial(callback.on_features_extracted, total=sum(map(len, parts)))
