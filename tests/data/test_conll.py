"""CoNLL files in their variants, and errors in malformed ones."""

import json

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.formats.conll import Conll
from textgraft.data.loading import load_dataset
from textgraft.data.tagged import load_tagged
from textgraft.errors import DataError


def rows_of(path):
    part = Conll.open(str(path), FileOptions())["train"]
    assert part.columns == ("tokens", "tags")
    rows = [row for batch in part.rows(Columns("tokens", "tags", nested=True)) for row in batch.to_pylist()]
    return [(row["position"], json.loads(row["text"]), json.loads(row["label"])) for row in rows], part.notices


def error_of(path):
    with pytest.raises(DataError) as caught:
        rows_of(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}, ")


@pytest.mark.parametrize("separator", ["\t", " ", "   "])
@pytest.mark.parametrize("between", [[], ["NNP"], ["NNP", "I-NP"]])
def test_two_to_four_columns_are_read(write, separator, between):
    lines = [["EU", *between, "B-ORG"], ["rejects", *between, "O"], [], ["German", *between, "B-MISC"]]
    if len(separator) == 3:
        lines[1][0] = "x"  # columns aligned by several spaces
    path = write("a.conll", "\n".join(separator.join(line) for line in lines))
    words = ["EU", lines[1][0]]
    assert rows_of(path) == ([(1, words, ["B-ORG", "O"]), (4, ["German"], ["B-MISC"])], ())


def test_document_lines_blank_lines_and_byte_order_mark_are_skipped(write):
    content = (
        "\ufeff-DOCSTART- -X- -X- O\n\n\nEU NNP I-NP B-ORG\r\n\r\n-DOCSTART- -X- O O\n. . O O\n \t \n\t\n! . O O\n\n\n"
    )
    rows, notices = rows_of(write("a.conll", content))
    assert rows == [(4, ["EU"], ["B-ORG"]), (7, ["."], ["O"]), (10, ["!"], ["O"])]
    assert notices == ()


def test_comments_are_told_from_words_that_begin_with_a_hash(write):
    content = (
        "# id 1\n# text = #one of two words\n#one\tO\nof\tO\n#\tO\n# a comment within\n#two\tB-X\n\n# id 2\n#1\tO\n"
    )
    path = write("a.conll", content)
    rows, notices = rows_of(path)
    assert rows == [(3, ["#one", "of", "#", "#two"], ["O", "O", "O", "B-X"]), (10, ["#1"], ["O"])]
    assert notices == (f"{path}: ignoring 4 comment lines",)


def test_first_words_may_begin_with_a_hash(write):
    assert rows_of(write("a.conll", "#one\tO\n#two\tB-X\n")) == ([(1, ["#one", "#two"], ["O", "B-X"])], ())


def test_unusual_words_are_kept_unchanged(write):
    words = ["\u00a0", "New York", "é\u0301", "👩‍👩‍👧", "\u2028", "\x85", '"', "\\", "B-X"]
    path = write("a.conll", "".join(f"{word}\tO\n" for word in words))
    assert rows_of(path)[0] == [(1, words, ["O"] * len(words))]
    path = write("b.conll", "a\u00a0b O\n\u3000 O\n")
    assert rows_of(path)[0] == [(1, ["a\u00a0b", "\u3000"], ["O", "O"])]


@pytest.mark.parametrize("name", ["a.iob", "a.iob2", "a.bio", "a.CONLL", "a.conll.gz", "a.conll.zst"])
def test_extensions_and_compression_are_recognized(write, name):
    assert rows_of(write(name, "EU\tB-ORG\n"))[0] == [(1, ["EU"], ["B-ORG"])]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "Ada B-PER\nin O\n\nRome B-LOC\n", True),
        ("a.txt.gz", "Ada NNP B-PER\nin IN O\n", True),
        ("a.tsv", "Ada\tB-PER\nNew York\tB-LOC\n", True),
        ("train", "-DOCSTART- -X- O\n\nAda NNP B-PER\nin IN O", True),
        ("a.char", "\u738b B-PER\n\u5c0f M-PER\n", True),
        ("a.txt", "a film\nof note\n", False),
        ("a.txt", "Vitamin O\nBlood group O\nfilm O\n", False),
        ("a.txt", "Ada B-PER\n", False),
        ("a.tsv", "text\tlabel\nAda\tB-PER\n", False),
        ("a.txt", "", False),
        ("a.log", "Ada B-PER\nin O\n", False),
    ],
)
def test_conll_is_recognized_by_content(write, name, content, expected):
    assert Conll.can_read(str(write(name, content))) is expected


def test_conll_by_content_is_said(write):
    path = write("a.txt", "Ada B-PER\nin O\n")
    assert load_tagged(path).notices[0] == f"{path}: read as CoNLL, since each line holds a word and its tag"
    assert not Conll.can_read("absent.txt")
    assert not Conll.can_read(str(path.parent))


def test_conll_file_loads_as_a_plain_dataset(write):
    data = load_dataset(write("a.log", "a O\n\nb O\n"), text="tokens", label="tags", format="conll")
    assert (texts_of(data)[1], data.location(1).rpartition(", ")[2]) == ('["b"]', "line 3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tO\nb\n", "line 2: 1 fields, where most lines have 2"),
        ("a\tO\nb\tx\tO\n", "line 2: 3 fields, where most lines have 2"),
        ("Mill Road _ B-LOC\nis _ O\nlong _ O\n", "line 1: 4 fields, where most lines have 3"),
        ("a\tO\nb O\n", "line 2: 1 fields"),
        ("# comment\n\na\n", "line 3: 1 fields, none of them a tag"),
        ("1\tA\ta\tDET\tDT\t_\t2\tdet\t_\t_\n", "line 1: 10 fields, none of them a tag"),
        ("1-2\tAm\tO\tO\n1\tAn\tO\tO\n2\tdem\tO\tO\n", "line 1: the first column numbers the words"),
        ("a\tO\nb\t\n", "line 2: no tag"),
        ("a\tO\nb\t \r\n", "line 2: no tag"),
        ("a\tO\n\tO\n", "line 2: no word"),
        ("# GermEval\n1\tAn\tO\tO\n2\tRom\tB-LOC\tO\n\n", "line 2: the first column numbers the words"),
        ("1\tA\tO\tO\n\n1\tIn\tO\tO\n2\tRom\tB-LOC\tO\n", "line 3: the first column numbers the words"),
        ("0\tO\n1\tB-LOC\n", "line 1: the first column numbers the words"),
        ("a\tO\nb\tO\n\nze\0ro\tO\n", "line 4: a NUL byte"),
    ],
)
def test_malformed_lines_are_reported(write, content, message):
    assert error_of(write("a.conll", content)).startswith(message)


NUMBERED = "the first column numbers the words; words are read from column 2, tags from column 3"


@pytest.mark.parametrize(
    ("content", "tags", "notices"),
    [
        ("Ada NNP I-NP B-PER\nin IN I-PP O\n", ["B-PER", "O"], []),
        ("Ada Ada NNP I-NP B-PER\nin in IN I-PP O\n", ["B-PER", "O"], []),
        (
            "Ada\tB-PER\tAda\tx\ty\nin\tO\tin\tx\ty\n",
            ["B-PER", "O"],
            ["words are read from column 1, tags from column 2"],
        ),
        ("B-PER Ada\nO in\n", ["B-PER", "O"], ["words are read from column 2, tags from column 1"]),
        ("1\tAda\tB-PER\t_\tx\n2\tin\tO\t_\ty\n", ["B-PER", "O"], [NUMBERED]),
        ("0 Ada B-PER\n1 in O\n", ["B-PER", "O"], [NUMBERED]),
        ("1\tAda\tB-PER\n2-3\tim\t_\n2\tin\tO\n", ["B-PER", "O"], [NUMBERED]),
        ("# a b\nAda B-PER\n# c\nin O\n", ["B-PER", "O"], ["ignoring 2 comment lines"]),
    ],
)
def test_columns_of_words_and_tags_are_found(write, content, tags, notices):
    path = write("a.conll", content)
    (row,), found = rows_of(path)
    assert row[1:] == (["Ada", "in"], tags)
    assert found == tuple(f"{path}: {notice}" for notice in notices)


@pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART-\n\n", " \t\n"])
def test_file_without_sentences_is_reported(write, content):
    path = write("a.conll", content)
    with pytest.raises(DataError, match="empty; it should hold"):
        load_dataset(path, text="tokens", label="tags")


def test_sentence_of_one_number_is_read(write):
    data = load_dataset(write("a.conll", "1\tO\n\n1\tO\n\nRom\tO\n"), text="tokens", label="tags")
    assert texts_of(data) == ['["1"]', '["1"]', '["Rom"]']


def test_file_without_blank_lines_is_reported(write, monkeypatch):
    monkeypatch.setattr("textgraft.data.formats.conll.MAX_WORDS", 100)
    assert "put a blank line between sentences" in error_of(write("a.conll", "a\tO\n" * 101))


def test_words_of_many_digits_are_read(write):
    data = load_dataset(write("a.conll", f"{'9' * 5000}\tO\n1\tO\n"), text="tokens", label="tags")
    assert texts_of(data) == [json.dumps(["9" * 5000, "1"])]
