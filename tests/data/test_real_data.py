"""Well-known datasets, where they are available."""

import numpy as np
import pytest

from textgraft.data.loading import load_dataset, split_names
from textgraft.data.splits import check_training


@pytest.mark.slow
def test_imdb_is_read_and_its_duplicates_are_counted(real_data):
    assert split_names(real_data / "imdb") == ("train", "test", "unlabelled")
    train, test = load_dataset(real_data / "imdb", split="train,test")
    assert len(train) == len(test) == 25_000
    assert set(train.counts().values()) == set(test.counts().values()) == {12_500}
    assert len(set(train.digests().tolist())) == 25_000 - 96
    assert np.isin(test.digests(), train.digests()).sum() == 123
    assert len(check_training(train, test)) == 1


def test_ag_news_is_read(real_data):
    train, test = load_dataset(real_data / "agnews", split="train,test")
    assert (len(train), len(test)) == (14_927, 7_600)
    assert train.label_names == ["Business", "Sci/Tech", "Sports", "World"]


def test_trec_is_read(real_data):
    train, test = load_dataset(real_data / "trec", split="train,test")
    assert (len(train), len(test)) == (5_452, 500)
    assert train.counts()["ABBR"] == 86
    assert load_dataset(real_data / "trec", split="test", label="fine").require_labels()[0] == "NUM:dist"


def test_books_are_read(real_data):
    books = load_dataset(real_data / "gutenberg" / "books.parquet")
    assert len(books) == 168
    assert books.labels is None
