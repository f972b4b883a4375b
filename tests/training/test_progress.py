"""The progress bar on a terminal and in a log, and the remaining time."""

import io

import pytest
from rich.console import Console

from textgraft.training.callbacks import Step
from textgraft.training.progress import EtaEstimator, TrainingBar, text_bar

RECORD = {
    "epoch": 1, "loss": 0.5, "accuracy": 0.75, "val_accuracy": 0.8, "val_loss": 0.4, "learning_rate": 1e-4,
    "seconds": 2.0, "texts_per_second": 20.0,
}  # fmt: skip


def shown(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)
    with TrainingBar(console) as bar:
        bar.plan(epochs=2, texts=40)
        bar.on_features_extracted(40, total=50)
        bar._progress.refresh()
        bar.on_features_extracted(10, total=50)
        for _ in range(2):
            bar.on_step_end(Step(1, 1, 20, {"loss": 0.5, "accuracy": 0.75, "learning_rate": 1e-4}, 83.4))
        bar._progress.refresh()
        bar.on_epoch_end(RECORD)
    return console.file.getvalue()


def test_terminal_shows_loss_accuracy_speed_and_time_left():
    text = shown(terminal=True)
    for part in ("vectors", "80%", "epoch 1/2", "50%", "loss 0.500", "accuracy 0.750", "texts/s", "0:01:23"):
        assert part in text


def test_second_extraction_has_a_new_count():
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    with TrainingBar(console) as bar:
        bar.plan(epochs=1, texts=10)
        bar.on_features_extracted(10, total=10)
        console.file = io.StringIO()
        bar.on_features_extracted(5, total=20)
        bar._progress.refresh()
    assert "25%" in console.file.getvalue()
    assert "100%" not in console.file.getvalue()


def test_bar_fits_80_columns():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with TrainingBar(console) as bar:
        bar.plan(epochs=30, texts=100_000)
        bar.on_step_end(Step(1, 21, 16, {"loss": 0.5, "accuracy": 0.75}))
        bar._progress.refresh()
    assert "accuracy 0.750 0.0 texts/s" in " ".join(console.file.getvalue().split())


def test_log_has_one_line_per_epoch():
    line = "epoch 1/2  loss 0.5000  accuracy 0.7500  val_accuracy 0.8000  val_loss 0.4000  20.0 texts/s"
    assert shown(terminal=False).strip() == line


def test_lines_are_not_wrapped_in_narrow_logs():
    console = Console(file=io.StringIO(), force_terminal=False, width=20)
    with TrainingBar(console) as bar:
        bar.plan(epochs=1, texts=1)
        bar.on_epoch_end(RECORD)
    assert len(console.file.getvalue().splitlines()) == 1


def test_bar_is_disabled_without_a_terminal():
    assert text_bar(Console(file=io.StringIO(), force_terminal=False)).disable
    assert not text_bar(Console(file=io.StringIO(), force_terminal=True)).disable


def test_messages_are_not_parsed_as_markup():
    console = Console(file=io.StringIO(), width=120)
    with TrainingBar(console) as bar:
        bar.plan(epochs=1, texts=10)
        bar.on_message("no text has the label [/b], nor [red]")
    assert "no text has the label [/b], nor [red]" in console.file.getvalue()


def estimator(*steps):
    estimate = EtaEstimator()
    for tokens, seconds in steps:
        estimate.add(tokens, seconds)
    return estimate


def test_time_is_a_line_over_the_tokens():
    estimate = estimator(*((tokens, 0.03 + 0.001 * tokens) for tokens in (100, 400, 250)))
    assert estimate.predict(10, 5000) == pytest.approx(0.3 + 5)


def test_steps_of_one_size_give_a_constant_time():
    assert estimator((100, 0.2), (100, 0.4)).predict(10, 1000) == pytest.approx(3)


def test_negative_slope_gives_a_constant_time():
    assert estimator((100, 0.4), (200, 0.2)).predict(10, 1500) == pytest.approx(3)


def test_time_per_step_is_never_negative():
    estimate = estimator((100, 0.1), (200, 0.4))
    assert estimate.predict(10, 1500) == pytest.approx(1500 * 0.5 / 300)
