"""Time of a training step on TREC: the used rows of the token table, the full table, and Keras's optimizer."""

import time
from collections.abc import Callable

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

ROUNDS, STEPS, WARM_UP = 10, 20, 5
SIDES = ("compact", "whole", "whole_keras_optimizer")


def main() -> None:
    """Run the variants in turns, so that other load affects all of them; the median step after a warm-up."""
    train = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    steps = {side: _steps(side, train) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(ROUNDS):
        for side, take in steps.items():
            for index in range(STEPS):
                start = time.perf_counter()
                take(turn * STEPS + index)
                if turn and index >= WARM_UP:
                    seconds[side].append(time.perf_counter() - start)
    median = {side: float(np.median(times)) * 1000 for side, times in seconds.items()}
    report(
        "token_table",
        step_milliseconds={side: round(step, 1) for side, step in median.items()},
        ratio_to_whole=round(median["whole"] / median["compact"], 2),
        ratio_to_keras_optimizer=round(median["whole_keras_optimizer"] / median["compact"], 2),
    )


def _steps(side: str, train: tg.Dataset) -> Callable[[int], object]:
    """A function that runs the step of an index, on a model of this variant."""
    from textgraft.tasks.texts import as_batches
    from textgraft.training.embedding_subset import EmbeddingSubset
    from textgraft.training.epochs import shuffled_batches
    from textgraft.training.examples import Examples
    from textgraft.training.step import Network, TrainingStep

    model = tg.TextClassifier("minilm", train.label_names)
    config = model.training_config({})
    tokens = model.tokenize(as_batches(train))
    compact = (
        EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], 0.01) if side == "compact" else None
    )
    network = Network(model.model, model.forward, model.objective, embedding_subset=compact)
    step = TrainingStep(network, Examples(tokens, train.label_ids(model.labels)), config)
    if side == "whole_keras_optimizer":
        step.optimizer = _KerasOptimizer(step.variables)
    batches = shuffled_batches(tokens.lengths, 16, 0, 0)
    return lambda index: step(batches[index], 1e-4, index)


class _KerasOptimizer:
    """Keras's AdamW with the interface of textgraft's."""

    def __init__(self, variables: list) -> None:
        import keras

        self._variables = variables
        self._optimizer = keras.optimizers.AdamW(1e-4, weight_decay=0.01, global_clipnorm=1.0)
        self._optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._optimizer.build(variables)

    def apply(self, gradients: dict, rate: object, step: object) -> object:
        """Update the variables; returns 0 instead of the gradient norm, which is not used here."""
        import tensorflow as tf

        self._optimizer.apply(list(gradients.values()), self._variables)
        return tf.constant(0.0)


if __name__ == "__main__":
    main()
