import pytest

from textgraft.data.columns import Columns, choose, choose_text
from textgraft.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        (("text", "label"), "text", "label"),
        (("Label", " Text "), " Text ", "Label"),
        (("id", "review", "sentiment"), "review", "sentiment"),
        (("text", "label", "fine"), "text", "label"),
        (("text",), "text", None),
        (("", "text"), "text", None),
        (("id", "title", "text"), "text", None),
        (("what", "category"), "what", "category"),
        (("sentence", "mood"), "sentence", "mood"),
        (("idx", "sentence", "mood"), "sentence", None),
        (("text", "category", "class"), "text", None),
    ],
)
def test_guess(columns, text, label):
    assert choose("a.csv", columns, None, None) == Columns(text, label)


@pytest.mark.parametrize(
    "columns",
    [("one", "two"), ("a great film",), ("text", "review", "label"), ("one", "two", "label"), ("id", "label")],
)
def test_doubt(columns):
    with pytest.raises(DataError, match=f"a.csv: no telling .* set text to one of: {', '.join(columns)}"):
        choose("a.csv", columns, None, None)


def test_named():
    assert choose("a.csv", ("one", "two"), "two", "one") == Columns("two", "one")
    assert choose("a.csv", ("one", "two", "three"), "two", None) == Columns("two", None)
    assert choose_text("a.csv", ("one", "two"), "two") == "two"
    with pytest.raises(ConfigError, match="cannot be both"):
        choose("a.csv", ("one", "two"), "one", "one")


def test_odd_column_names_stay_on_one_line():
    with pytest.raises(DataError) as caught:
        choose_text("a.csv", ("", "first\nline", "long " * 100), None)
    assert "one of: '', first line, long long" in str(caught.value)
    assert len(str(caught.value)) < 200
