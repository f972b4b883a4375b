"""Costs of checkpoints (share of the training time on TREC) and of determinism (share of an IMDb step, 256 tokens)."""

import json
import subprocess
import sys
import tempfile
import time

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample

STEPS, WARM_UP = 60, 10


def main() -> None:
    """Measure each in its own process, one after the other, with determinism on and off in turns."""
    if len(sys.argv) > 1:
        print(json.dumps({"checkpoints": _checkpoints, "on": _step, "off": _step}[sys.argv[1]](sys.argv[1])))
        return
    steps: dict[str, list[float]] = {"on": [], "off": []}
    for side in ("off", "on", "on", "off"):
        steps[side].append(_measure(side))
    saving, training = _measure("checkpoints")
    report(
        "run_costs",
        step_milliseconds={
            f"deterministic {side}": [round(step, 1) for step in times] for side, times in steps.items()
        },
        determinism_share=round(min(steps["on"]) / min(steps["off"]) - 1, 4),
        checkpoint_seconds=round(saving, 2),
        training_seconds=round(training, 1),
        checkpoint_share=round(saving / training, 4),
    )


def _measure(side: str) -> object:
    command = [sys.executable, "-m", "benchmarks.run_costs", side]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _checkpoints(_: str) -> tuple[float, float]:
    """Seconds spent on writing checkpoints, and seconds of the training."""
    from textgraft.training.checkpoints import Checkpoints

    train = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    model = tg.TextClassifier("minilm", train.label_names)
    with tempfile.TemporaryDirectory() as folder, Checkpoints(f"{folder}/run") as checkpoints:
        history = model.fit(train, checkpoints=checkpoints)
        return checkpoints.seconds_spent, history.seconds


def _step(side: str) -> float:
    """Median milliseconds of a step."""
    train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), STEPS * 16)
    model = tg.TextClassifier("minilm", train.label_names)
    if side == "on":
        from textgraft.runtime import start_tensorflow

        start_tensorflow(deterministic=True)
    seconds: list[float] = []

    class Clock(tg.Callback):
        """Records the time of each step."""

        def on_step_end(self, step: object) -> None:
            seconds.append(time.perf_counter())

    model.fit(train, validation=train.take(range(16)), callbacks=Clock(), epochs=1)
    return round(float(np.median(np.diff(seconds)[WARM_UP:])) * 1000, 1)


if __name__ == "__main__":
    main()
