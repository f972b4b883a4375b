"""Format versions of model folders: older ones are migrated when they are read, and `upgrade` writes them anew.

No release wrote a version before the present one, so these tests make one: the same folder with another name of a
field.
"""

import hashlib
import json
from types import MappingProxyType

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.reviews import reviews
from textgraft.errors import ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder import versions
from textgraft.storage.verification import MANIFEST

OLDER = versions.FORMAT_VERSION - 1


@pytest.fixture(scope="module")
def saved(tiny_word_vectors, tmp_path_factory):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"], precision="float32")
    model.fit(reviews(), validation=reviews(), fine_tune="none", progress=False, ngrams=False)
    return model.save(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture
def older(saved, tmp_path, monkeypatch):
    """A folder of an older version, in which the field "family" has the name "kind", and the step from it."""

    def rename(config):
        return {("family" if name == "kind" else name): value for name, value in config.items()}

    monkeypatch.setattr(versions, "MIGRATIONS", MappingProxyType({OLDER: rename}))
    return copy_as(saved, tmp_path / "older", OLDER, {"family": "kind"})


def copy_as(folder, copy, version, names=None):
    """A copy of a model folder of another version, with other names of fields."""
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "config.json").read_text())
    config = {(names or {}).get(name, name): value for name, value in config.items()} | {"format_version": version}
    (copy / "config.json").write_text(json.dumps(config))
    files = [file for file in copy.iterdir() if file.name != MANIFEST]
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (copy / MANIFEST).write_text(json.dumps({"sha256": digests}))
    return copy


def answers(folder):
    return tg.load(folder, precision="float32").predict_proba(["a fine plot", "very bad", ""])


def test_older_folder_gives_the_same_answers(saved, older):
    np.testing.assert_array_equal(answers(older), answers(saved))
    assert model_folder.read(older).written_version == OLDER


def test_upgrade_replaces_the_folder(saved, older):
    result = run_successfully("upgrade", older)
    assert f"in format {versions.FORMAT_VERSION}, before in format {OLDER}" in result.stderr
    config = json.loads((older / "config.json").read_text())
    assert config == json.loads((saved / "config.json").read_text())
    np.testing.assert_array_equal(answers(older), answers(saved))
    assert tg.verify_model(older).texts == 32
    assert "nothing is written" in run_successfully("upgrade", older).stderr


def test_upgrade_writes_another_folder(saved, older, tmp_path):
    before = (older / "config.json").read_bytes()
    run_successfully("upgrade", older, "--out", tmp_path / "new")
    assert (older / "config.json").read_bytes() == before
    np.testing.assert_array_equal(answers(tmp_path / "new"), answers(saved))
    assert_fails(run("upgrade", older, "--out", tmp_path / "new"), 5, "already exists")


def test_edited_card_is_kept(older, tmp_path):
    (older / "README.md").write_text("mine")
    assert_fails(run("upgrade", older), 5, "an edited README.md")
    run_successfully("upgrade", older, "--out", tmp_path / "new")
    assert (tmp_path / "new" / "README.md").read_text() == "mine"


def test_folder_of_this_version_stays_as_it_is(saved):
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    assert "nothing is written" in run_successfully("upgrade", saved).stderr
    assert {file.name: file.read_bytes() for file in saved.iterdir()} == before


@pytest.mark.parametrize(
    ("version", "fix"),
    [(versions.FORMAT_VERSION + 1, "upgrade textgraft"), (1, "train the model again"), ("3", "train the model again")],
)
def test_unknown_version_is_one_line(saved, tmp_path, version, fix):
    folder = copy_as(saved, tmp_path / "other", version)
    assert_fails(run("upgrade", folder), 5, f"format version {version!r}", fix)
    with pytest.raises(ModelFolderError, match=fix):
        tg.load(folder)


def test_card_names_the_versions_that_read_the_folder(saved):
    assert f"format {versions.FORMAT_VERSION} of model folders, read by textgraft" in (saved / "README.md").read_text()
