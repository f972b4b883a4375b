"""A training step on TREC: the used rows of the token table against the whole table, and against Keras's optimizer."""

import json
import subprocess
import sys
import time

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

STEPS, WARM_UP = 200, 20
SIDES = ("compact", "whole", "whole_keras_optimizer")


def main() -> None:
    """Time each side in a process of its own, one after the other; or the one that is named."""
    if len(sys.argv) > 1:
        print(json.dumps(_milliseconds(sys.argv[1])))
        return
    steps = {}
    for side in SIDES:
        command = [sys.executable, "-m", "benchmarks.token_table", side]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        steps[side] = float(output.splitlines()[-1])
    report(
        "token_table",
        step_milliseconds={side: round(step, 1) for side, step in steps.items()},
        ratio_to_whole=round(steps["whole"] / steps["compact"], 2),
        ratio_to_keras_optimizer=round(steps["whole_keras_optimizer"] / steps["compact"], 2),
    )


def _milliseconds(side: str) -> float:
    """The median step."""
    train = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    model = tg.TextClassifier("minilm", train.label_names)
    from textgraft.tasks.base import as_batches
    from textgraft.training.batches import shuffled
    from textgraft.training.compact import CompactTable
    from textgraft.training.config import FitConfig
    from textgraft.training.step import Examples, Network, TrainingStep

    config = FitConfig().filled(model.backbone.fit_defaults)
    tokens = model.tokenize(as_batches(train))
    compact = CompactTable(model.backbone.token_table, tokens.ids, tokens.ids[:0], 0.01) if side == "compact" else None
    network = Network(model.model, model.forward, model.loss, model.metrics, compact)
    step = TrainingStep(network, Examples(tokens, train.label_ids(model.labels)), config)
    if side == "whole_keras_optimizer":
        step.optimizer = _Keras(step.variables)
    seconds = []
    for number, rows in enumerate(shuffled(tokens.lengths, 16, 0, 0)[:STEPS]):
        start = time.perf_counter()
        step(rows, 1e-4, number)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[WARM_UP:])) * 1000


class _Keras:
    """Keras's AdamW in the place of ours."""

    def __init__(self, variables: list) -> None:
        import keras

        self._variables = variables
        self._optimizer = keras.optimizers.AdamW(1e-4, weight_decay=0.01, global_clipnorm=1.0)
        self._optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._optimizer.build(variables)

    def apply(self, gradients: list, rate: object, step: object) -> object:
        """Move the variables; the gradients' norm."""
        import tensorflow as tf

        self._optimizer.apply(gradients, self._variables)
        return tf.linalg.global_norm(gradients)


if __name__ == "__main__":
    main()
