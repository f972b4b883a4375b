"""A training step on TREC: the used rows of the token table against the whole table, and against Keras's optimizer."""

import time
from collections.abc import Callable

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

ROUNDS, STEPS, WARM_UP = 10, 20, 5
SIDES = ("compact", "whole", "whole_keras_optimizer")


def main() -> None:
    """The sides take turns, so that a busy moment of the machine falls on each; the median step after a few."""
    train = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    steps = {side: _steps(side, train) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(ROUNDS):
        for side, take in steps.items():
            for number in range(STEPS):
                start = time.perf_counter()
                take(turn * STEPS + number)
                if turn and number >= WARM_UP:
                    seconds[side].append(time.perf_counter() - start)
    median = {side: float(np.median(times)) * 1000 for side, times in seconds.items()}
    report(
        "token_table",
        step_milliseconds={side: round(step, 1) for side, step in median.items()},
        ratio_to_whole=round(median["whole"] / median["compact"], 2),
        ratio_to_keras_optimizer=round(median["whole_keras_optimizer"] / median["compact"], 2),
    )


def _steps(side: str, train: tg.Dataset) -> Callable[[int], object]:
    """Takes the step of a number, with a model of its own."""
    from textgraft.tasks.texts import as_batches
    from textgraft.training.batches import shuffled_batches
    from textgraft.training.config import TrainingConfig
    from textgraft.training.embedding_subset import EmbeddingSubset
    from textgraft.training.examples import Examples
    from textgraft.training.step import Network, TrainingStep

    model = tg.TextClassifier("minilm", train.label_names)
    config = TrainingConfig().with_defaults(model.backbone.training_defaults)
    tokens = model.tokenize(as_batches(train))
    compact = (
        EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], 0.01) if side == "compact" else None
    )
    network = Network(model.model, model.forward, model.objective, embedding_subset=compact)
    step = TrainingStep(network, Examples(tokens, train.label_ids(model.labels)), config)
    if side == "whole_keras_optimizer":
        step.optimizer = _Keras(step.variables)
    batches = shuffled_batches(tokens.lengths, 16, 0, 0)
    return lambda number: step(batches[number], 1e-4, number)


class _Keras:
    """Keras's AdamW in the place of ours."""

    def __init__(self, variables: list) -> None:
        import keras

        self._variables = variables
        self._optimizer = keras.optimizers.AdamW(1e-4, weight_decay=0.01, global_clipnorm=1.0)
        self._optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._optimizer.build(variables)

    def apply(self, gradients: dict, rate: object, step: object) -> object:
        """Move the variables; in the place of the norm, which nobody asks for here, nothing is computed."""
        import tensorflow as tf

        self._optimizer.apply(list(gradients.values()), self._variables)
        return tf.constant(0.0)


if __name__ == "__main__":
    main()
