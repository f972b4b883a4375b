"""Training throughput at sequence length 512, compared with `BertTextClassifier.fit` of KerasHub.

    python -m benchmarks.throughput [--reviews N]

Both train the same weights (minilm) on the same reviews, by default 500, each in its own process, one after the other.
KerasHub runs with its defaults: float32, every batch padded to 512. The second epoch of each is timed, to exclude
compilation.
"""

import argparse
import json
import subprocess
import sys
import time

import textgraft as tg
from benchmarks.report import data_folder, report, sample

BATCH_SIZE = 16


def reviews(count: int) -> tg.Dataset:
    """The training data of both."""
    return sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), count)


def textgraft_side(data: tg.Dataset) -> float:
    """Reviews per second."""
    validation = data.take(range(16))
    model = tg.TextClassifier("minilm", data.label_names, sequence_length=512)
    history = model.fit(data, validation=validation, epochs=2, batch_size=BATCH_SIZE)
    return len(data) / history.records[1]["seconds"]


def keras_hub_side(data: tg.Dataset) -> float:
    """Reviews per second."""
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    import keras
    import keras_hub

    from textgraft.backbones import presets

    folder = str(presets.find_source("minilm").resolve("minilm", download=True).path)
    classifier = keras_hub.models.BertTextClassifier(
        backbone=keras_hub.models.BertBackbone.from_preset(folder),
        num_classes=2,
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(
            keras_hub.models.BertTokenizer.from_preset(folder), sequence_length=512
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


SIDES = {"textgraft": textgraft_side, "keras_hub": keras_hub_side}


def main() -> None:
    """Run both in child processes, or one in this process."""
    parser = argparse.ArgumentParser(description="Compare the speed of training at sequence length 512.")
    parser.add_argument("--reviews", type=int, default=500, metavar="N")
    parser.add_argument("--side", choices=SIDES, help="the only one to run")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(SIDES[arguments.side](reviews(arguments.reviews))))
        return
    speeds = {}
    for side in SIDES:
        command = [sys.executable, "-m", "benchmarks.throughput", "--reviews", str(arguments.reviews), "--side", side]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        speeds[side] = float(output.splitlines()[-1])
    report(
        "training_throughput_512",
        reviews=arguments.reviews,
        reviews_per_second={side: round(speed, 2) for side, speed in speeds.items()},
        ratio=round(speeds["textgraft"] / speeds["keras_hub"], 2),
    )


if __name__ == "__main__":
    main()
