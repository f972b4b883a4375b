"""Training throughput at sequence length 512, compared with `BertTextClassifier.fit` of KerasHub.

    python -m benchmarks.throughput [--reviews N]

Both train the same weights (minilm) on the same reviews, by default 500, each in its own process, one after the other.
KerasHub runs with its defaults: float32, every batch padded to 512; and once more with oneDNN, which textgraft selects
where TensorFlow does not by itself. The second epoch of each is timed, to exclude compilation.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import textgraft as tg
from benchmarks.comparison.jobs import minilm_folder
from benchmarks.report import data_folder, report, sample

BATCH_SIZE = 16


def reviews(count: int) -> tg.Dataset:
    """The training data of both."""
    return sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), count)


def textgraft_side(data: tg.Dataset, minilm: str) -> float:
    """Reviews per second."""
    validation = data.take(range(16))
    model = tg.TextClassifier(minilm, data.label_names, sequence_length=512)
    history = model.fit(data, validation=validation, epochs=2, batch_size=BATCH_SIZE)
    return len(data) / history.records[1]["seconds"]


def keras_hub_side(data: tg.Dataset, minilm: str) -> float:
    """Reviews per second."""
    import keras
    import keras_hub

    classifier = keras_hub.models.BertTextClassifier(
        backbone=keras_hub.models.BertBackbone.from_preset(minilm),
        num_classes=2,
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(
            keras_hub.models.BertTokenizer.from_preset(minilm), sequence_length=512
        ),
    )
    texts = [text.decode() for batch in data.batches() for text in batch.texts]
    targets = data.label_ids(data.label_names)
    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.start = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            seconds.append(time.monotonic() - self.start)

    classifier.fit(texts, targets, batch_size=BATCH_SIZE, epochs=2, callbacks=[Clock()], verbose=0)
    return len(data) / seconds[1]


SIDES: dict[str, Callable[[tg.Dataset, str], float]] = {"textgraft": textgraft_side, "keras_hub": keras_hub_side}
# Sides and variables of the environment.
RUNS: dict[str, tuple[str, dict[str, str]]] = {
    "textgraft": ("textgraft", {}),
    "keras_hub": ("keras_hub", {}),
    "keras_hub with oneDNN": ("keras_hub", {"TF_ENABLE_ONEDNN_OPTS": "1"}),
}


def main() -> None:
    """Run each in a child process, or one in this process."""
    parser = argparse.ArgumentParser(description="Compare the speed of training at sequence length 512.")
    parser.add_argument("--reviews", type=int, default=500, metavar="N")
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "MINILM"), help="the only one to run, and minilm's folder")
    arguments = parser.parse_args()
    if arguments.side:
        side, minilm = arguments.side
        print(json.dumps(SIDES[side](reviews(arguments.reviews), minilm)))
        return
    environment = dict(os.environ)  # before textgraft selects oneDNN
    minilm = minilm_folder()
    speeds = {}
    for name, (side, variables) in RUNS.items():
        command = [sys.executable, "-m", "benchmarks.throughput", "--reviews", str(arguments.reviews)]
        output = subprocess.run(
            [*command, "--side", side, minilm], check=True, stdout=subprocess.PIPE, text=True,
            env=environment | variables,
        ).stdout  # fmt: skip
        speeds[name] = float(output.splitlines()[-1])
    report(
        "training_throughput_512",
        reviews=arguments.reviews,
        reviews_per_second={name: round(speed, 2) for name, speed in speeds.items()},
        ratios={name: round(speeds["textgraft"] / speed, 2) for name, speed in speeds.items()},
    )


if __name__ == "__main__":
    main()
