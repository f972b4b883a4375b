"""What a model folder refuses to hold, and how it is found."""

import numpy as np
import pytest

from textgraft.backbones.presets import find_source
from textgraft.errors import ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.versions import FORMAT_VERSION
from textgraft.model_folder.writing import write_model_folder
from textgraft.storage.folders import write_folder

CONFIG = {
    "format_version": FORMAT_VERSION, "task": "feature-extraction", "preset": "minilm", "family": "word_vectors",
    "settings": {}, "versions": {},
}  # fmt: skip
SMALL = {"config": CONFIG, "weights": {}, "assets": {}, "history": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"config": {**CONFIG, "labels": "x" * (5 << 20)}},
            r"config\.json would have 5,243,\d+ bytes.*shorten the list of labels",
        ),
        ({"weights": {"bias": np.array([0, np.nan], np.float32)}}, "the weight bias has a value that is not a finite"),
        ({"weights": {"bias": np.array([-np.inf], np.float32)}}, "the weight bias has a value that is not a finite"),
        ({"history": [{"epoch": 1, "loss": np.inf}]}, "loss in the history is not finite"),
        ({"history": [{"epoch": 1}] * (1 << 20)}, r"history\.csv would have .* shorten the training"),
        ({"assets": {"vocab.txt": bytes((128 << 20) + 1)}}, r"vocab\.txt would have 134,217,729 bytes.*shorten it"),
        (
            {"config": {**CONFIG, "family": "roberta"}, "assets": {"merges.txt": bytes((16 << 20) + 1)}},
            r"merges\.txt would have 16,777,217 bytes, more than the 16,777,216 that can be read",
        ),
    ],
)
def test_unreadable_content_is_not_written(tmp_path, change, message):
    with pytest.raises(ModelFolderError, match=message):
        write_model_folder(tmp_path / "model", **{**SMALL, **change})
    assert list(tmp_path.iterdir()) == []


def test_interrupted_replacement_is_finished_when_a_model_is_read(tmp_path):
    write_folder(tmp_path / ".model.previous.0a1b2c3d", {"config.json": [b"{}"]})
    with pytest.raises(ModelFolderError, match="format version"):  # of the restored folder
        model_folder.read(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_interrupted_replacement_is_finished_when_a_model_is_a_preset(tmp_path):
    write_folder(tmp_path / ".model.previous.0a1b2c3d", {"config.json": [b"{}"]})
    assert find_source(str(tmp_path / "model")).resolve(str(tmp_path / "model"), download=False).path.is_dir()
