"""The mode that trains the head and the last blocks, on stored outputs of the frozen blocks."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import keras
import tensorflow as tf

from textgraft.backbones.split_network import SplitNetwork
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Built, ExampleSets, FineTuning
from textgraft.text.windows import map_in_chunks
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.features import Activations, check_disk_space, store_activations

_SAMPLED_TEXTS = 256


class LastBlocks(FineTuning):
    """Train the head and the last blocks; each text goes through the frozen blocks once."""

    caches_activations = True
    note = "blocks trained on stored outputs of the frozen ones"

    def __init__(self, task: Task, config: TrainingConfig, blocks: int) -> None:
        super().__init__(task, config)
        self._blocks = blocks

    @property
    def _split(self) -> SplitNetwork:
        return self.task.backbone.split(self._blocks)

    def trained_models(self) -> list[keras.Model]:
        return [self.task.head, self._split.trainable]

    def build(self, examples: ExampleSets, callback: Callback) -> Built:
        self._check_disk_space(examples)
        on_texts = partial(callback.on_features_extracted, total=sum(map(len, examples.values())))
        stored = self._build_stored(examples, self._frozen_blocks(examples), on_texts)
        return stored._replace(train=self._limit_windows(stored.train, callback))

    def _build_sample(self, examples: ExampleSets) -> tuple[Built, float]:
        self._check_disk_space(examples)
        # The same share of each set, so that one factor scales the sample to all texts.
        share = min(1, _SAMPLED_TEXTS / max(1, len(examples["train"])))
        sample = {name: part.select(slice(0, math.ceil(share * len(part)))) for name, part in examples.items()}
        frozen = self._frozen_blocks(examples)
        first_rows = {name: part.select(slice(0, 1)) for name, part in examples.items()}
        self._build_stored(first_rows, frozen, lambda _: None)  # compiles
        start = time.monotonic()
        stored = self._build_stored(sample, frozen, lambda _: None)
        seconds = time.monotonic() - start
        stored = stored._replace(train=self._limit_windows(stored.train, Callback()))
        return stored, seconds * _tokens(examples) / max(1, _tokens(sample))

    def _check_disk_space(self, examples: ExampleSets) -> None:
        tokens = sum(int(part.inputs.tokens.lengths.sum()) for part in examples.values())
        check_disk_space(tokens, self._split.dim, self.config.cache_dtype)

    def _frozen_blocks(self, examples: ExampleSets) -> Callable[[Any], Any]:
        """The frozen blocks, compiled: token ids to ragged (..., None, dim)."""
        task, split = self.task, self._split

        def forward(batch: Any) -> tf.RaggedTensor:
            if not task.windowed:
                return split.apply_frozen(batch)
            rows = batch.values
            return rows.with_values(
                map_in_chunks(lambda part: split.apply_frozen(part).values, rows, task.max_windows, split.dim)
            )

        spec = examples["train"].inputs.tokens.spec
        return cast("Callable[[Any], Any]", tf.function(forward, input_signature=[spec], autograph=False))

    def _build_stored(
        self, examples: ExampleSets, frozen: Callable[[Any], Any], on_texts: Callable[[int], None]
    ) -> Built:
        config, split = self.config, self._split

        def store(part: Examples[TokenInputs]) -> Examples[Any]:
            tokens = part.inputs.tokens
            activations = Activations(tokens.lengths, split.dim, config.cache_dtype)
            return part.with_vectors(store_activations(frozen, tokens, activations, config.batch_tokens or 1, on_texts))

        stored = {name: store(part) for name, part in examples.items()}
        forward = partial(self.task.forward, split=split)
        network = self._network(examples, self._trained_layers(split), forward)
        return Built(self._contrastive(network, split), stored["train"], stored.get("validation"))

    def _trained_layers(self, split: SplitNetwork) -> keras.Model:
        inputs = split.trainable.input
        return keras.Model(inputs, self.task.apply_head(split.trainable.output, inputs["padding_mask"]))


def _tokens(examples: ExampleSets) -> int:
    return sum(int(part.lengths.sum()) for part in examples.values())
