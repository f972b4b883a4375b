"""Hugging Face datasets, from local folders."""

import sys

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset, split_names
from textgraft.data.streams import read_texts
from textgraft.errors import ConfigError, DataError

pytest.importorskip("datasets", reason="needs the extra hf")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def mood(tmp_path):
    """A folder with two splits whose labels are class numbers."""
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    for split, count in (("train", 3000), ("test", 4)):
        rows = {"text": [f"{split} {n}" for n in range(count)], "label": [n % 2 for n in range(count)]}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "mood" / f"{split}.parquet")
    return f"hf:{tmp_path / 'mood'}"


def test_splits_texts_and_class_names_are_read(mood):
    assert set(split_names(mood)) == {"train", "test"}
    train, test = load_dataset(mood, split="train[:50%],test")
    assert texts_of(train) == [f"train {n}" for n in range(1500)]
    assert test.require_labels().tolist() == ["bad", "good"] * 2
    assert train.location(1200) == f"{mood} train, row 1201"
    assert train.source == f"{mood} train[:50%]"


def test_texts_are_streamed(mood):
    assert [text for batch in read_texts(mood, "test", Reading()) for text in batch.texts][-1] == b"test 3"


def test_class_without_a_name_is_reported(tmp_path):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a"])})
    rows = {"text": ["one", "two"], "label": [0, -1]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")
    with pytest.raises(DataError, match="train, row 2: no value for 'label'"):
        load_dataset(f"hf:{tmp_path / 'set'}")


def test_lists_of_classes_are_label_sets(tmp_path):
    import datasets

    kinds = datasets.Sequence(datasets.ClassLabel(names=["bad", "good"]))
    rows = {"text": ["one", "two", "three"], "label": [[0, 1], [], [1]]}
    features = datasets.Features({"text": datasets.Value("string"), "label": kinds})
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")
    data = load_dataset(f"hf:{tmp_path / 'set'}")
    assert data.problem == "multi-label"
    assert data.counts() == {"bad": 1, "good": 2}


def test_unknown_dataset_is_reported():
    with pytest.raises(DataError, match=r"^hf:nobody/nothing: cannot be loaded"):
        load_dataset("hf:nobody/nothing")


def test_missing_extra_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match=r"pip install 'textgraft\[hf\]'"):
        load_dataset("hf:owner/name")
