"""Signals stop a run at a safe point."""

import signal

import pytest

from textgraft.errors import InterruptionError
from textgraft.storage.folders import write_folder
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.interruption import Interruption


def signal_in_native_code():
    try:
        signal.raise_signal(signal.SIGTERM)
    except InterruptionError:
        raise AttributeError("a result with an exception set") from None


@pytest.mark.parametrize("start", [lambda _: Interruption().handle_signals(), lambda path: Checkpoints(path / "run")])
def test_signal_is_reported_although_native_code_raises_another_exception(tmp_path, start):
    with pytest.raises(InterruptionError, match="stopped by SIGTERM"), start(tmp_path):
        signal_in_native_code()


def test_signal_before_the_first_step_says_that_the_run_resumes(tmp_path):
    write_folder(tmp_path / "checkpoint-000001-00000000", {"state.json": [b"{}"]})
    with pytest.raises(InterruptionError, match="resumes from the last checkpoint"), Checkpoints(tmp_path):
        signal.raise_signal(signal.SIGTERM)
