"""Errors of the estimated time left and of the dry run: fine-tuning minilm on TREC and on 500 IMDb reviews."""

import time

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.training.callbacks import Step

AFTER_STEPS = (5, 10, 20, 40)


class Clock(tg.Callback):
    """Records the estimates of the time left, with the time of each."""

    def __init__(self) -> None:
        self.estimates: list[tuple[float, float | None]] = []

    def on_step_end(self, step: Step) -> None:
        self.estimates.append((time.monotonic(), step.seconds_left))


def main() -> None:
    """Relative errors of the estimates."""
    imdb = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), 500)
    trec = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    for name, train in {"trec": trec, "imdb": imdb}.items():
        planned = tg.TextClassifier("minilm", train.label_names).plan(train)
        clock = Clock()
        model = tg.TextClassifier("minilm", train.label_names)
        history = model.fit(train, callbacks=clock)
        end = time.monotonic()
        errors = {}
        for steps in AFTER_STEPS:
            moment, seconds_left = clock.estimates[steps - 1]
            errors[steps] = round((seconds_left or 0) / (end - moment) - 1, 3)
        report(
            f"estimates_{name}",
            error_after_steps=errors,
            seconds=round(history.seconds, 1),
            dry_run_error=round(planned.seconds / history.seconds - 1, 3),
            dry_run_memory_mib=planned.memory >> 20,
        )


if __name__ == "__main__":
    main()
