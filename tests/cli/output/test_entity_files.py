"""CoNLL files of entities: what was written is read back, and a failed run leaves no file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.cli.output.entity_files import open_conll, split_words
from textgraft.cli.output.files import Destination
from textgraft.data.predicted_entities import Entity
from textgraft.data.tagged import load_tagged
from textgraft.errors import DataError

TEXT = "Ada Byron, of London 🙂!"
FOUND = [Entity("Ada Byron", "PER", 0, 9, 0.75), Entity("London", "LOC", 14, 20, 0.5)]


def written(path, *rows):
    with open_conll(Destination(path)) as file:
        for row in rows:
            file.write(*row)
    return path


def test_conll_of_a_text_as_a_whole(tmp_path):
    path = written(tmp_path / "out.conll", (TEXT, None, FOUND), ("two\nlines", None, []))
    words = ["Ada\tB-PER", "Byron\tI-PER", ",\tO", "of\tO", "London\tB-LOC", "🙂!\tO"]
    assert path.read_text("utf-8") == "\n".join([*words, "", "two\tO", "lines\tO", "", ""])


def test_conll_of_running_text_in_a_script_without_spaces(tmp_path):
    path = written(tmp_path / "out.conll", ("王明在iPhone店", None, [Entity("王明", "PER", 0, 2, 1.0)]))
    assert path.read_text("utf-8") == "王\tB-PER\n明\tI-PER\n在\tO\niPhone\tO\n店\tO\n\n"


def test_conll_of_words(tmp_path):
    words = [(0, 3), (4, 10), (11, 13), (14, 20), (21, 23)]
    path = written(tmp_path / "out.conll", (TEXT, words, FOUND))
    (row,) = load_tagged(path)
    assert [row.text[slice(*word)] for word in row.words] == [TEXT[slice(*word)] for word in words]
    assert row.spans == [(0, 10, "PER"), (14, 20, "LOC")]


def test_words_that_hold_line_breaks(tmp_path):
    path = written(tmp_path / "out.conll", ("a\tb \n c", [(0, 3), (4, 5), (6, 7)], [Entity("\n", "X", 4, 5, 1.0)]))
    (row,) = load_tagged(path)
    assert [row.text[slice(*word)] for word in row.words] == ["a b", " ", "c"]
    assert [row.text[span.start : span.end] for span in row.spans] == [" "]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.integers(0, 30), max_size=8, unique=True))
def test_every_visible_entity_of_a_text_is_there(text, cuts):
    cuts = sorted(cut for cut in cuts if cut <= len(text))
    entities = [Entity(text[slice(*pair)], "X", *pair, 1.0) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
    words = split_words(text, entities)
    assert "".join(text[slice(*word)] for word in words) == "".join(text.split())
    for entity in entities:
        within = [text[start:end] for start, end in words if entity.start <= start and end <= entity.end]
        assert "".join(within) == "".join(text[entity.start : entity.end].split())


def test_a_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / "out.conll"
    path.write_text("mine")
    with pytest.raises(DataError, match="--overwrite"):
        written(path)
    assert path.read_text() == "mine"
    with open_conll(Destination(path, overwrite=True)) as file:
        file.write("a", None, [])
    assert path.read_text() == "a\tO\n\n"


def test_nothing_is_left_of_a_failed_run(tmp_path):
    with pytest.raises(RuntimeError), open_conll(Destination(tmp_path / "out.conll")) as file:  # noqa: PT012
        file.write(TEXT, None, FOUND)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
