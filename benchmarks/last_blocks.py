"""Time of an epoch on 1,000 IMDb reviews: all blocks, the last two of six, and these on cached inputs."""

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.training.examples import Examples
from textgraft.training.history import History
from textgraft.training.loop import Training
from textgraft.training.progress import TrainingBar
from textgraft.training.token_ids import TokenIds

ROWS, EPOCHS = 1000, 3
SIDES = ("all", "last:2 without storing", "last:2 stored in float32", "last:2 stored in float16")


def main() -> None:
    """Three epochs of each variant, one after the other: the fastest epoch, and the losses."""
    data = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), ROWS)
    train, validation = data.split(0.9, seed=0)
    runs = {side: _run(side, train, validation) for side in SIDES}
    seconds = {side: min(record["seconds"] for record in run.records) for side, run in runs.items()}
    plain, stored = runs[SIDES[1]], {side: runs[side] for side in SIDES[2:]}
    report(
        "last_blocks",
        epoch_seconds={side: round(second, 1) for side, second in seconds.items()},
        ratio_to_all=round(seconds[SIDES[0]] / seconds[SIDES[3]], 2),
        ratio_to_not_stored=round(seconds[SIDES[1]] / seconds[SIDES[3]], 2),
        run_seconds={side: round(run.seconds, 1) for side, run in runs.items()},
        largest_difference_of_losses={side: _difference(run, plain) for side, run in stored.items()},
        accuracy={side: round(run.records[-1]["val_accuracy"], 3) for side, run in runs.items()},
    )


def _run(side: str, train: tg.Dataset, validation: tg.Dataset) -> History:
    fine_tune, _, how = side.partition(" ")
    model = tg.TextClassifier("minilm", train.label_names)
    options = {
        "fine_tune": fine_tune,
        "epochs": EPOCHS,
        "cache_dtype": how.rpartition(" ")[2] if "stored" in how else "float16",
    }
    run = model._prepare_run(train, validation, options)
    network, *examples = run.mode.build(run.examples, TrainingBar())
    if how == "without storing":
        split = model.backbone.split(int(fine_tune.removeprefix("last:")))

        def forward(batch: tf.RaggedTensor, training: bool = False) -> tf.Tensor:
            return model.head(model.pooling(*split.vectors(split.apply_frozen(batch), training)), training=training)

        network, examples = replace(network, forward=forward), list(run.examples.values())
    return _trained(network, examples, run.mode.config)


def _trained(network: Any, examples: list[Examples[TokenIds]], config: Any) -> History:
    with TrainingBar() as bar:
        bar.plan(EPOCHS, ROWS)
        return Training(network, *examples, config, bar).run()


def _difference(run: History, plain: History) -> float:
    names = ("loss", "val_loss")
    return float(np.max([[abs(a[n] - b[n]) for n in names] for a, b in zip(run.records, plain.records, strict=True)]))


if __name__ == "__main__":
    main()
