"""The folders of training runs."""

import signal
from types import SimpleNamespace

import pytest

from textgraft.cli.options import RunOptions
from textgraft.cli.runs import train_into_folder
from textgraft.errors import InterruptionError, ModelFolderError, TextgraftWarning
from textgraft.training.checkpoints import Checkpoints


def test_run_killed_after_its_model_was_complete_leaves_only_the_model(tmp_path, monkeypatch):
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / ".model.lock").touch()
    (tmp_path / ".model.building.0a1b2c3d").mkdir()
    monkeypatch.setattr(Checkpoints, "already_saved_to", lambda checkpoints, folder: folder == model)
    with pytest.raises(ModelFolderError, match="already exists"):
        train_into_folder(RunOptions(out=str(model)), train=None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_signal_while_the_model_is_written_ends_the_command_when_it_is_complete(tmp_path):
    def save(folder, overwrite):
        signal.raise_signal(signal.SIGTERM)
        folder.mkdir()

    with pytest.raises(InterruptionError, match=r"stopped by SIGTERM; no partial files remain; .*model is complete"):
        train_into_folder(RunOptions(out=str(tmp_path / "model")), lambda checkpoints: SimpleNamespace(save=save))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_checkpoints_that_cannot_be_removed_do_not_fail_a_run_with_a_complete_model(tmp_path, monkeypatch):
    def clear(checkpoints):
        raise ModelFolderError("cannot remove it: Input/output error")

    monkeypatch.setattr(Checkpoints, "clear", clear)
    model = SimpleNamespace(save=lambda folder, overwrite: folder.mkdir())
    with pytest.warns(TextgraftWarning, match="model is complete, but checkpoints are left: cannot remove it: Input"):
        folder = train_into_folder(RunOptions(out=str(tmp_path / "model")), lambda checkpoints: model)
    assert folder.is_dir()
