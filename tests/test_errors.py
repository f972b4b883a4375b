"""Errors that pass from one process to another."""

import pickle

import pytest

from textgraft.errors import InterruptionError, PredictionError, RowIndexError, TextgraftError


@pytest.mark.parametrize(
    "error",
    [
        *(kind("a.csv, line 2: no label; add it") for kind in (*TextgraftError.__subclasses__(), RowIndexError)),
        PredictionError.about("the metric loss"),
        InterruptionError("stopped by SIGTERM", 15),
    ],
    ids=lambda error: type(error).__name__,
)
def test_pickled_error_keeps_message_and_exit_code(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.exit_code) == (type(error), str(error), error.exit_code)
