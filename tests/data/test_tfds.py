"""TensorFlow Datasets, from a prepared folder."""

import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset, split_names
from textgraft.data.streams import read_texts
from textgraft.errors import ConfigError, DataError

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
COUNT = 50


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data folder with the set `mood`: two splits, one of them in several files."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("prepared")
    (folder / "mood" / "1.0.0").mkdir(parents=True)
    features = tfds.features.FeaturesDict(
        {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["bad", "good"]),
            "stars": tfds.features.Scalar(dtype=np.int64),
            "vector": tfds.features.Sequence(tfds.features.Scalar(dtype=np.float32)),
        }
    )
    identity = tfds.core.dataset_info.DatasetIdentity(
        name="mood", version="1.0.0", data_dir=str(folder / "mood" / "1.0.0"), module_name="mood"
    )
    info = tfds.core.DatasetInfo(builder=identity, features=features)
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=20)
    splits = {"train": COUNT, "test": 7}
    writer.initialize_splits(list(splits))
    writer.add_examples({split: [example(number) for number in range(count)] for split, count in splits.items()})
    writer.close_all()
    info.write_to_directory(identity.data_dir)
    return folder


def example(number: int) -> dict:
    return {"text": f"text {number} é", "label": number % 2, "stars": number % 5, "vector": [0.0] * (number % 3)}


@pytest.fixture(autouse=True)
def data_folder(prepared, monkeypatch):
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(prepared))


def test_splits_texts_and_class_names_are_read():
    assert set(split_names("tfds:mood")) == {"train", "test"}
    data = load_dataset("tfds:mood", split="train")
    assert texts_of(data) == [f"text {number} é" for number in range(COUNT)]
    assert data.require_labels().tolist() == ["bad", "good"] * (COUNT // 2)
    assert set(data.columns) == {"text", "label", "stars", "vector"}
    assert data.location(3) == "tfds:mood train, row 4"


def test_other_columns_can_be_labels():
    data = load_dataset("tfds:mood", split="test", label="stars")
    assert data.require_labels().tolist() == ["0", "1", "2", "3", "4", "0", "1"]
    with pytest.raises(DataError, match="the column 'vector' is of type"):
        load_dataset("tfds:mood", split="test", label="vector")


@pytest.mark.parametrize("spec", ["train[:60%]", "train[33%:66%]", "train[-7:]"])
def test_slices_equal_those_of_tensorflow_datasets(prepared, spec):
    import tensorflow_datasets as tfds

    theirs = {example["text"].decode() for example in tfds.as_numpy(tfds.load("mood", split=spec, data_dir=prepared))}
    ours = load_dataset("tfds:mood", split=spec)
    assert {*texts_of(ours)} == theirs


def test_texts_are_streamed():
    assert sum(len(batch.texts) for batch in read_texts("tfds:mood", "test", Reading())) == 7


def test_unknown_dataset_is_reported():
    with pytest.raises(DataError, match=r"^tfds:no_such_set: cannot be loaded"):
        load_dataset("tfds:no_such_set")


def test_missing_extra_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ConfigError, match=r"pip install 'textgraft\[tfds\]'"):
        load_dataset("tfds:mood")


@pytest.mark.slow
def test_environment_variable_sets_the_data_folder(prepared):
    code = "import textgraft as tg; print(len(tg.load_dataset('tfds:mood', split='test')))"
    environment = {"TFDS_DATA_DIR": str(prepared), "PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "7"
