"""Checkpoints on disk: which are written, kept, refused and removed; no model is trained."""

import json
import warnings
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.resuming import SimulatedCrashError, crash
from textgraft.computation import Computation
from textgraft.errors import ConfigError, ModelFolderError, TextgraftWarning, TrainingError
from textgraft.storage.folders import write_folder
from textgraft.storage.safetensors import to_safetensors
from textgraft.training import checkpoints as module
from textgraft.training.checkpoints import Checkpoints, RunProgress, Snapshot, run_digest

SHAPES = {"0000": (3,)}
COMPUTATION = Computation("oneDNN", "AVX2", 2, "float32")
RUN = {"fit": {"fine_tune": "all", "learning_rate": 0.001}, "data_sha256": {"train": "a"}}


def snapshot(step=1, weight=0.5):
    weights = {"0000": np.full(3, weight, np.float32)}
    return Snapshot(RunProgress(batch=step, step=step), weights, {"0000": np.zeros(3, np.float32)}, None)


def files_of(checkpoint):
    return {file.name: [file.read_bytes()] for file in checkpoint.iterdir() if file.name != "manifest.json"}


def join(arrays):
    return b"".join(to_safetensors(arrays))


@pytest.fixture
def folder(tmp_path):
    """A folder with one checkpoint of an unfinished run."""
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.start_run(RUN, COMPUTATION)
        checkpoints.save(snapshot())
    return tmp_path / "run"


def test_newest_checkpoint_replaces_the_previous_one(folder):
    with Checkpoints(folder) as checkpoints:
        checkpoints.start_run(RUN, COMPUTATION)
        checkpoints.save(snapshot(step=2, weight=0.25))
        loaded = checkpoints.load(SHAPES, SHAPES)
    assert [path.name for path in folder.iterdir()] == ["checkpoint-000000-00000002"]
    assert loaded.progress == RunProgress(batch=2, step=2)
    np.testing.assert_array_equal(loaded.weights["0000"], np.full(3, 0.25, np.float32))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({**RUN, "fit": {**RUN["fit"], "learning_rate": 0.5}}, r"fit.learning_rate was 0.001, is 0.5; restore them"),
        ({**RUN, "fit": {**RUN["fit"], "fine_tune": "none"}}, r'unfinished run .*fine_tune was "all", is "none"'),
        ({**RUN, "data_sha256": {"train": "b"}}, r"data_sha256\.train was"),
    ],
    ids=["learning_rate", "fine_tune", "data"],
)
def test_another_run_is_refused_with_its_differences(folder, run, message):
    with Checkpoints(folder) as checkpoints, pytest.raises(ConfigError, match=message):
        checkpoints.start_run(run)
    with Checkpoints(folder, restart=True) as checkpoints:
        checkpoints.start_run(run)
        assert not checkpoints.has_checkpoint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernels": "Eigen"}, r'\(kernels was "oneDNN", is "Eigen"\)'),
        ({"processor": "AMX", "threads": 4}, r'\(processor was "AVX2", is "AMX"; threads was 2, is 4\)'),
    ],
    ids=["kernels", "processor and threads"],
)
def test_run_resumes_with_another_computation_and_a_warning(folder, changes, message):
    with Checkpoints(folder) as checkpoints:
        with pytest.warns(TextgraftWarning, match=message) as issued:
            checkpoints.start_run(RUN, replace(COMPUTATION, **changes))
        assert "the last bits of the weights may differ" in str(issued[0].message)
        assert checkpoints.load(SHAPES, SHAPES).progress.step == 1
        checkpoints.save(snapshot(step=2))
    with Checkpoints(folder) as checkpoints, warnings.catch_warnings(action="error"):
        checkpoints.start_run(RUN, replace(COMPUTATION, **changes))  # that of the newest checkpoint


def test_finished_model_belongs_to_its_run_whatever_computed_it(folder, tmp_path, monkeypatch):
    config = {"run": run_digest(RUN), "computation": asdict(replace(COMPUTATION, kernels="Eigen"))}
    monkeypatch.setattr(module, "is_model_folder", lambda _: True)
    monkeypatch.setattr(module.model_folder, "read", lambda _: SimpleNamespace(config=config))
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.already_saved_to(tmp_path)
        config["run"] = run_digest({})
        assert not checkpoints.already_saved_to(tmp_path)


def test_checkpoint_without_computation_resumes(folder):
    """As earlier versions wrote it."""
    (checkpoint,) = folder.iterdir()
    state = json.loads((checkpoint / "state.json").read_text())
    assert state.pop("computation")
    write_folder(checkpoint, {**files_of(checkpoint), "state.json": [json.dumps(state).encode()]}, overwrite=True)
    with Checkpoints(folder) as checkpoints, warnings.catch_warnings(action="error"):
        checkpoints.start_run(RUN, COMPUTATION)
        assert checkpoints.has_checkpoint


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("state.json", b"[]", "state.json must be an object"),
        ("state.json", b"{", "Expecting property name"),
        ("state.json", b'{"run": {}}', "state.json lacks progress"),
        ("state.json", b'{"run": {}, "progress": {"epoch": "x"}}', "state.json.progress lacks batch"),
        ("weights.safetensors", b"", "header"),
        ("weights.safetensors", join({"0000": np.zeros(4)}), r"0000 has the shape \(4,\), not \(3,\)"),
        ("optimizer.safetensors", join({}), r"0000 has the shape None, not \(3,\)"),
        ("optimizer.safetensors", join({"0000": np.zeros(3), "x": np.zeros(1)}), r"x has the shape \(1,\), not None"),
    ],
)
def test_edited_checkpoint_is_refused_in_one_line(folder, name, content, message):
    (checkpoint,) = folder.iterdir()
    write_folder(checkpoint, {**files_of(checkpoint), name: [content]}, overwrite=True)

    def resume():
        with Checkpoints(folder) as checkpoints:
            checkpoints.start_run(RUN, COMPUTATION)
            checkpoints.load(SHAPES, SHAPES)

    with pytest.raises(ModelFolderError, match=message) as error:
        resume()
    assert str(error.value).startswith(f"cannot resume from {checkpoint / name}: ")
    assert str(error.value).endswith("; pass --restart to start over")


def test_damaged_checkpoint_is_refused(folder):
    (weights,) = folder.glob("*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with Checkpoints(folder) as checkpoints, pytest.raises(ModelFolderError, match="altered"):
        checkpoints.start_run(RUN, COMPUTATION)


def test_weights_that_are_not_finite_are_never_saved(folder):
    message = r"no longer finite after epoch 1, step 2; the last checkpoint is .*00000001"
    with Checkpoints(folder) as checkpoints, pytest.raises(TrainingError, match=message):
        checkpoints.save(snapshot(step=2, weight=np.nan))
    (checkpoint,) = folder.iterdir()
    assert json.loads((checkpoint / "state.json").read_text())["progress"]["step"] == 1


def test_other_files_in_the_folder_stay(folder):
    (folder / "notes.txt").write_text("mine")
    with Checkpoints(folder, restart=True):
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_checkpoints_of_other_programs_stay(folder):
    for step in (500, 1000):
        (folder / f"checkpoint-{step}").mkdir()
    with Checkpoints(folder, restart=True):
        pass
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-1000", "checkpoint-500"]


def test_lock_of_a_process_that_died_while_saving_is_removed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".checkpoint-000000-00000007.lock").write_text("")
    with Checkpoints(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ModelFolderError, match="run is not a folder; move it, checkpoints are written there"):
        Checkpoints(tmp_path / "run").__enter__()


def test_crash_while_checkpoints_are_removed_leaves_nothing(folder, monkeypatch):
    """The last checkpoint is renamed already, but still on disk."""
    with monkeypatch.context() as patched, Checkpoints(folder) as checkpoints:
        patched.setattr("textgraft.storage.folders.shutil.rmtree", lambda *_, **__: crash())
        with pytest.raises(SimulatedCrashError):
            checkpoints.clear()
    (renamed,) = folder.iterdir()
    assert ".removed." in renamed.name
    with Checkpoints(folder):
        assert not folder.exists()


def test_prepared_files_are_computed_once_and_removed_before_the_checkpoints(folder, monkeypatch):
    removed = []
    with Checkpoints(folder) as checkpoints:
        checkpoints.prepared_files("something", {}, lambda: {"file": [b"x"]})
        prepared = checkpoints.prepared_files("something", {}, crash)
        assert (prepared / "file").read_bytes() == b"x"
        monkeypatch.setattr("textgraft.storage.folders.remove_folder", lambda folder: removed.append(folder.name))
        checkpoints.clear()
    assert [name.split("-")[0] for name in removed] == ["prepared", "checkpoint"]
