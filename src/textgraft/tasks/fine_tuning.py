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
from textgraft.training.activations import Activations, activations_of, require_room
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.features import Extraction
from textgraft.training.history import Watcher
from textgraft.training.inputs import Examples, TokenInputs
from textgraft.training.optimizer import weight_decay
from textgraft.training.sampled_windows import SampledWindows
from textgraft.training.step import Network

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

    def to_train(self, read: Read, watcher: Watcher) -> tuple[Network, Examples[Any], Examples[Any]]:
        """The network, and the examples that train and judge it.

        Args:
            read: "train" and "validation".
            watcher: told of the texts that go through what is frozen.
        """
        if self.chosen.fine_tune == "all" or self.chosen.lora:
            return self._whole(read), self._bounded(read["train"], watcher), read["validation"]
        if self.chosen.last or not self._task.pooled:
            self._require_room(read)
            network, train, judged = self._upper(read, self._below(read), _extracted(read.values(), watcher))
            return network, self._bounded(train, watcher), judged
        train, judged = self.over_vectors(list(read.values()), watcher)
        return self._network(read, self._task.head, self._task.head), train, judged

    def over_vectors(self, parts: Sequence[Examples[TokenInputs]], watcher: Watcher) -> list[Examples[Any]]:
        """Examples with the vectors that the backbone, as it is, gives for their texts.

        Args:
            parts: examples.
            watcher: told of the texts that go through the backbone.
        """
        extraction, extracted = self.extraction(), _extracted(parts, watcher)
        return [part.over(extraction.vectors(part.inputs.tokens, extracted, watcher.note)) for part in parts]

    def rehearse(self, read: Read, texts: int = 256) -> tuple[Network, Examples[Any], Examples[Any], float]:
        """`to_train`; where what is frozen is stored, for the first texts, with the seconds that all would take."""
        if self.chosen.fine_tune == "all" or self.chosen.lora:
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

    def extraction(self) -> Extraction:
        """The frozen backbone, with the cache of its vectors."""
        task = self._task
        settings = {
            "pooling": task.architecture.pooling, "precision": task.precision, "versions": runtime.versions(),
            "batch_tokens": self.chosen.batch_tokens,  # what a text is padded to changes its last bits
        }  # fmt: skip
        cache, batch_tokens = ArrayCache.of_user(), self.chosen.batch_tokens
        return Extraction(task.pool, task.input_spec, task.backbone, settings, cache, batch_tokens)

    def _bounded(self, train: Examples[Any], watcher: Watcher | None = None) -> Examples[Any]:
        """Training examples, of which no text has more windows than memory is meant for."""
        most = self._task.most_windows
        if not self._task.windowed or train.inputs.windows.lengths.max(initial=0) <= most:
            return train
        bounded = SampledWindows(train, train.inputs.windows, most, self.chosen.seed)
        if watcher:
            watcher.note(
                f"{bounded.sampled:,} texts have more than {most} windows: an epoch takes {most} of each, drawn anew"
            )
        return bounded

    def _whole(self, read: Read) -> Network:
        task, chosen = self._task, self.chosen
        if chosen.lora or not task.compact:  # the token table is not trained, or all of it
            return self._network(read, task.model, task.forward)
        trained, judged = (read[name].inputs.tokens.ids for name in ("train", "validation"))
        compact = EmbeddingSubset(task.backbone.token_table, trained, judged, weight_decay(chosen))
        return self._network(read, task.model, task.forward, compact)

    def _require_room(self, read: Read) -> None:
        tokens = sum(int(part.inputs.tokens.lengths.sum()) for part in read.values())
        require_room(tokens, self._task.backbone.halves(self.chosen.last).dim, self.chosen.cache_dtype)

    def _below(self, read: Read) -> Callable[[Any], Any]:
        """The blocks that are not trained, compiled."""
        below = partial(self._task.below, self._task.backbone.halves(self.chosen.last))
        return cast(
            "Callable[[Any], Any]",
            tf.function(below, input_signature=[read["train"].inputs.tokens.spec], autograph=False),
        )

    def _upper(
        self, read: Read, below: Callable[[Any], Any], extracted: Callable[[int], None]
    ) -> tuple[Network, Examples[Any], Examples[Any]]:
        task, chosen = self._task, self.chosen
        halves = task.backbone.halves(chosen.last)

        def stored(part: Examples[TokenInputs]) -> Examples[Any]:
            tokens = part.inputs.tokens
            room = Activations(tokens.lengths, halves.dim, chosen.cache_dtype)
            return part.over(activations_of(below, tokens, room, chosen.batch_tokens or 1, extracted))

        def forward(batch: Any, training: bool = False) -> Any:
            return task.above(halves, batch, training)

        train, judged = stored(read["train"]), stored(read["validation"])
        inputs = halves.upper.input
        layers = keras.Model(inputs, task.on_top(halves.upper.output, inputs["padding_mask"]))
        return self._network(read, layers if chosen.last else task.head, forward), train, judged

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


def _extracted(parts: Collection[Examples[TokenInputs]], watcher: Watcher) -> Callable[[int], None]:
    return partial(watcher.extracted, total=sum(map(len, parts)))
