"""Streams of texts for prediction: complete and in order."""

import io
import itertools

import pytest

from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset, split_names
from textgraft.data.streams import read_texts
from textgraft.errors import ConfigError, DataError


@pytest.fixture
def stdin(monkeypatch):
    def feed(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return feed


def stream(source, split=None, **options):
    return read_texts(str(source), split, Reading(**options))


def texts_of(batches):
    return [text.decode() for batch in batches for text in batch.texts]


def test_empty_texts_are_kept_in_order(write, labelled_format):
    rows = [("", "x"), ("one", "y"), ("  ", "x"), ("two", "y")]
    assert texts_of(stream(write(f"a.{labelled_format}", rows))) == [text for text, _ in rows]


def test_label_column_is_not_read(write):
    path = write("a.csv", "text,label\none,\ntwo,x\n")
    assert texts_of(stream(path)) == ["one", "two"]
    assert [batch.labels for batch in stream(path)] == [None]


def test_batches_arrive_before_the_source_is_fully_read(write):
    path = write("a.csv", "text\n" + "a short text\n" * 50_000 + "too,many\n")
    batches = stream(path)
    assert all(0 < len(batch.texts) <= 5000 for batch in itertools.islice(batches, 5))
    with pytest.raises(DataError, match="line 50002: 2 cells"):
        list(batches)


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("lines", b"one\n\nthree\n"),
        ("csv", b'\xef\xbb\xbftext,label\r\none,x\r\n"",y\r\nthree,x\r\n'),
        ("tsv", b"id\ttext\n1\tone\n2\t\n3\tthree\n"),
        ("jsonl", b'{"text": "one"}\n{"text": ""}\n{"text": "three"}\n'),
    ],
)
def test_standard_input_is_read(stdin, format, content):
    stdin(content)
    assert texts_of(stream("-", format=format)) == ["one", "", "three"]


def test_errors_in_standard_input_are_located(stdin):
    stdin(b"one\ntw\xff\n")
    with pytest.raises(DataError, match=r"^-, line 2: the byte at offset 6"):
        list(stream("-", format="lines"))
    with pytest.raises(ConfigError, match="cannot infer the format of standard input"):
        stream("-")


def test_dataset_loads_from_standard_input(stdin):
    stdin(b"text,label\none,x\n")
    assert load_dataset("-", format="csv").counts() == {"x": 1}


def test_one_whole_split_is_streamed(write, tmp_path):
    write("set/train.csv", [("a", "x")])
    write("set/test.csv", [("b", "x")])
    assert texts_of(stream(tmp_path / "set", split="test")) == ["b"]
    with pytest.raises(DataError, match="several splits"):
        stream(tmp_path / "set")
    for split in ("test[:1]", "train,test"):
        with pytest.raises(ConfigError, match="one whole split"):
            stream(tmp_path / "set", split=split)


def test_empty_texts_are_dropped_or_reported(write):
    path = write("a.txt", "one\n\ntwo\n")
    assert texts_of(stream(path, empty="drop")) == ["one", "two"]
    with pytest.raises(DataError, match="line 2: the text is empty"):
        list(stream(path, empty="error"))


def test_file_has_one_split_named_train(write):
    assert split_names(write("a.csv", [("a", "x")])) == ("train",)


def test_options_are_checked_before_reading(write):
    with pytest.raises(ConfigError, match="choose one of error, drop, keep"):
        stream(write("a.txt", "a\n"), empty="no")
    with pytest.raises(DataError, match="cannot infer the text column"):
        stream(write("a.csv", "one,two\na,b\n"))
