"""The reference of a model folder: written by a training, read again, and refused where it is damaged."""

import hashlib
import json

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.reviews import reviews
from textgraft.errors import ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.reference import REFERENCE, describe_reference
from textgraft.storage.verification import MANIFEST
from textgraft.tasks.reference import reference_of, text_lengths
from textgraft.tasks.text_features import classifier_features, join_features
from textgraft.training.token_ids import TruncationCount


@pytest.fixture(scope="module")
def model(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"])
    model.fit(reviews(), validation=reviews(), fine_tune="none", progress=False, ngrams=False, keep_reference=20)
    return model


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "model")


def rewrite(folder, change_config=lambda config: None, content=None):
    """Change a folder and its manifest."""
    config = json.loads((folder / "config.json").read_text())
    change_config(config)
    (folder / "config.json").write_text(json.dumps(config))
    if content is not None:
        (folder / REFERENCE).write_bytes(content)
    files = [file for file in folder.iterdir() if file.name != MANIFEST]
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (folder / MANIFEST).write_text(json.dumps({"sha256": digests}))


def test_reference_is_what_the_model_computes(model):
    assert len(model.reference) == 20
    data = reviews()
    rows = np.sort(np.random.default_rng(0).permutation(len(data))[:20])
    sample = data.take(rows)
    features = join_features(
        classifier_features(model, (batch.inputs for batch in sample.batches()), TruncationCount())
    )
    expected = reference_of(model, text_lengths(sample), features)
    for array, other in zip(model.reference.arrays, expected.arrays, strict=True):
        np.testing.assert_allclose(array, other, atol=1)
    np.testing.assert_array_equal(model.reference.labels, expected.labels)
    np.testing.assert_array_equal(model.reference.lengths, [len(row.text) for row in sample])


def test_loaded_model_has_the_reference(model, folder):
    loaded = tg.load(folder).reference
    for array, other in zip(loaded.arrays, model.reference.arrays, strict=True):
        np.testing.assert_array_equal(array, other)
    assert not loaded.trained
    config = json.loads((folder / "config.json").read_text())
    assert describe_reference(config["reference"]) == "vectors and answers of 20 texts (1 KiB)"
    assert "kept to recognize drift" in (folder / "README.md").read_text()


def test_model_without_a_reference_is_read(model, folder):
    def remove(config):
        del config["reference"]

    (folder / REFERENCE).unlink()
    rewrite(folder, remove)
    assert tg.load(folder).reference is None


def test_no_reference_is_kept_where_none_is_wanted(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"])
    model.fit(reviews(), fine_tune="none", progress=False, keep_reference=0)
    assert model.reference is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(texts=21), "reference takes"),
        (lambda header: header.update(labels=-1), "labels"),
        (lambda header: header.update(dim=0), "dim"),
    ],
)
def test_other_sizes_are_refused(folder, change, message):
    rewrite(folder, lambda config: change(config["reference"]))
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(folder)


@pytest.mark.parametrize(
    ("array", "value", "message"),
    [
        ("labels", 7, "a label is not one of 2"),
        ("scales", np.nan, "not a finite number"),
        ("scales", -1, "below 0"),
        ("label_counts", 3, "not as many as their counts"),
        ("numbers", 1, "the model predicts labels"),
    ],
)
def test_wrong_values_are_refused(model, folder, array, value, message):
    arrays = dict(zip(("vectors", "scales", "lengths", "label_counts", "labels", "numbers"), model.reference.arrays,
                      strict=True))  # fmt: skip
    arrays[array] = arrays[array].copy()
    arrays[array][0] = value
    rewrite(folder, content=b"".join(values.tobytes() for values in arrays.values()))
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(folder)


def test_config_and_file_must_agree(folder):
    rewrite(folder, lambda config: config.pop("reference"))
    with pytest.raises(ModelFolderError, match=r"reference.bin has a reference, config.json does not"):
        model_folder.read(folder)
