"""Options for reading files: the same for every source, refused where a format does not honour them."""

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.file_options import FileOptions
from textgraft.data.loading import load_dataset
from textgraft.errors import ConfigError


@pytest.mark.parametrize(("name", "character"), [("tab", "\t"), ("\\t", "\t"), ("semicolon", ";"), ("|", "|")])
def test_delimiters_have_names(name, character):
    assert FileOptions(delimiter=name).delimiter == character


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_delimiter_that_is_not_one_character_is_refused(delimiter):
    with pytest.raises(ConfigError, match="delimiter must be one character"):
        FileOptions(delimiter=delimiter)


def test_named_delimiter_is_used(write):
    data = load_dataset(write("a.csv", "text~label\na, b~x\n"), delimiter="~")
    assert (texts_of(data), data.labels.tolist()) == (["a, b"], ["x"])


def test_quotes_are_characters_on_request(write):
    data = load_dataset(write("a.tsv", 'text\tlabel\n"To be\tx\nor "not" to be\ty\n'), quotes=False)
    assert texts_of(data) == ['"To be', 'or "not" to be']


def test_columns_without_names_are_numbered(write):
    data = load_dataset(write("a.csv", "good,x\nbad,y\n"), header="none", text="1", label="2")
    assert (texts_of(data), data.columns) == (["good", "bad"], ("1", "2"))
    assert data.location(0).endswith("line 1")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jsonl", {"delimiter": ";"}),
        ("a.txt", {"quotes": False}),
        ("a.parquet", {"encoding": "latin-1"}),
        ("a.parquet", {"header": "none"}),
    ],
)
def test_option_that_a_format_does_not_honour_is_refused(write, name, options):
    path = write(name, b"")
    with pytest.raises(ConfigError) as caught:
        load_dataset(path, **options)
    assert str(caught.value) == f"{path}: this format does not support {next(iter(options))}; drop it"
