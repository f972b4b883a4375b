"""Predictions for texts that are typed on a terminal, each at once."""

import sys
from typing import Any

import numpy as np

from textgraft.cli.options import PredictionOptions
from textgraft.cli.output.console import print_line
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.cli.window_answers import answer_count
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.tasks.answer_options import AnswerOptions

_SHOWN = 2  # columns of answers: the prediction and its probability


def are_texts_typed(data: str) -> bool:
    """Whether the source is standard input on a terminal."""
    return data == STANDARD_INPUT and sys.stdin is not None and sys.stdin.isatty()


def answer_typed_texts(stored: Any, prediction: PredictionOptions, options: AnswerOptions) -> None:
    """Print a stored model's prediction for each line."""
    load_tensorflow(prediction)
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, prediction.precision, prediction.engine)
    options.apply(model)
    log("type a text and press Enter; Ctrl-D ends")
    for line in sys.stdin:
        if text := line.strip():
            (columns,) = model.answers(iter([np.array([text.encode()], object)]))
            names = model.objective.answer_columns[: answer_count(model.objective, _SHOWN)]
            print_line("  ".join(f"{name} {_shown(column[0])}" for name, column in zip(names, columns, strict=False)))


def _shown(cell: Any) -> str:
    return "-" if cell is None else ", ".join(map(str, cell)) if isinstance(cell, list) else str(cell)
