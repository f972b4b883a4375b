"""Columns of texts and labels are inferred from their names where they are unambiguous."""

from dataclasses import replace

import pytest

from textgraft.data.columns import Columns, Reading, choose_columns, choose_text_columns, column_notices, describe_roles
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import task_spec


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
def test_text_and_label_are_inferred_from_column_names(columns, text, label):
    assert choose_columns("a.csv", columns, Reading()) == Columns(text, label)


def test_prompts_and_completions_are_pairs():
    assert choose_columns("a.csv", ("completion", "prompt"), Reading()) == Columns("prompt", None, "completion")
    assert choose_text_columns("a.csv", ("prompt", "completion"), Reading()) == Columns("prompt", None, "completion")
    assert choose_columns("a.csv", ("prompt", "completion", "label"), Reading()).label == "label"
    assert choose_text_columns("a.csv", ("prompt", "completion"), Reading(text="completion")) == Columns(
        "completion", None
    )
    with pytest.raises(ConfigError, match="cannot be both"):
        choose_columns("a.csv", ("prompt", "completion"), Reading(label="completion"))


@pytest.mark.parametrize(
    "columns",
    [("one", "two"), ("a great film",), ("text", "review", "label"), ("one", "two", "label"), ("id", "label")],
)
def test_ambiguous_text_column_is_reported(columns):
    with pytest.raises(DataError, match=f"a.csv: cannot infer .* set text to one of: {', '.join(columns)}"):
        choose_columns("a.csv", columns, Reading())


def test_named_columns_are_used():
    assert choose_columns("a.csv", ("one", "two"), Reading("two", "one")) == Columns("two", "one")
    assert choose_columns("a.csv", ("one", "two", "three"), Reading("two")) == Columns("two", None)
    assert choose_text_columns("a.csv", ("one", "two"), Reading("two")) == Columns("two", None)
    with pytest.raises(ConfigError, match="cannot be both"):
        choose_columns("a.csv", ("one", "two"), Reading("one", "one"))
    with pytest.raises(ConfigError, match="'one' cannot be both text and pair; name two columns"):
        Reading("one", pair="one")


def test_unsuitable_label_separators_are_reported():
    with pytest.raises(ConfigError, match="label_separator is empty"):
        Reading(label_separator="")
    with pytest.raises(ConfigError, match="problem regression does not support label_separator; drop one"):
        Reading(problem="regression", label_separator="|")


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("token-classification", {"pair": "b"}),
        ("token-classification", {"problem": "multi-label"}),
        ("token-classification", {"label_separator": "|"}),
        ("fill-mask", {"pair": "b"}),
        ("fill-mask", {"label": "b"}),
        ("text-generation", {"problem": "regression"}),
        ("text-generation", {"label_separator": "|"}),
    ],
)
def test_options_that_a_task_does_not_use_are_refused(task, options):
    with pytest.raises(ConfigError, match=f"{task} does not support {next(iter(options))}; drop it"):
        task_spec(task).load_slices("a.csv", None, Reading(**options))


@pytest.mark.parametrize(
    ("columns", "text", "pair", "label"),
    [
        (("text", "text_pair", "label"), "text", "text_pair", "label"),
        (("idx", "Sentence1", "sentence2", "label"), "Sentence1", "sentence2", "label"),
        (("sentence1", "sentence2", "score"), "sentence1", "sentence2", "score"),
        (("premise", "hypothesis", "label", "genre"), "premise", "hypothesis", "label"),
        (("id", "question1", "question2"), "question1", "question2", None),
        (("id", "question", "answer", "label"), "question", "answer", "label"),
        (("id", "question", "answer"), "question", None, None),
        (("question", "answer"), "question", None, "answer"),
        (("text", "text_pair", "premise", "hypothesis"), "text", None, None),
    ],
)
def test_pairs_are_inferred_from_column_names(columns, text, pair, label):
    assert choose_columns("a.csv", columns, Reading()) == Columns(text, label, pair)


def test_pairs_can_be_required_or_ignored():
    columns = ("text", "text_pair", "label")
    assert choose_columns("a.csv", columns, Reading(paired=False)) == Columns("text", "label")
    assert choose_columns("a.csv", columns, Reading("text")) == Columns("text", "label")
    pair = choose_text_columns("a.csv", ("question", "answer"), Reading(paired=True))
    assert pair == Columns("question", None, "answer")
    with pytest.raises(DataError, match="cannot infer the column of second texts; set pair to one of: text, label"):
        choose_text_columns("a.csv", ("text", "label"), Reading(paired=True))


def test_messages_with_odd_column_names_stay_on_one_line():
    with pytest.raises(DataError) as caught:
        choose_text_columns("a.csv", ("", "first\nline", "long " * 100), Reading())
    assert "one of: '', first line, long long" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_duplicate_column_names_are_reported_wherever_they_stand():
    with pytest.raises(DataError, match="two columns are named 'other'; rename one"):
        choose_columns("a.csv", ["text", "other", "other", "label"], Reading("text", pair="other"))
    with pytest.raises(DataError, match="cannot infer the text column"):
        choose_columns("a.csv", ["Sentence1", "sentence1", "sentence2", "label"], Reading())


TRAINED = Reading(trained_columns={"text": "body", "label": "kind"})


@pytest.mark.parametrize(
    ("columns", "reading", "expected"),
    [
        (("id", "body", "kind", "text"), TRAINED, Columns("body", "kind")),
        (("body", "kind", "extra"), replace(TRAINED, text="extra"), Columns("extra", "kind")),
        (("body", "kind", "extra"), replace(TRAINED, text="kind", label="body"), Columns("kind", "body")),
        (("text", "label", "extra"), TRAINED, Columns("text", "label")),
        (("body", "extra"), TRAINED, Columns("body", None)),
        (("a", "b"), Reading(trained_columns={"text": "a", "pair": "b"}, paired=False), Columns("a", "b")),
        (("a", "b"), Reading(trained_columns={"text": "a", "pair": "b"}), Columns("a", None, "b")),
    ],
)
def test_columns_of_the_training_are_used_where_the_source_has_them(columns, reading, expected):
    assert choose_columns("a.csv", columns, reading) == expected


def test_missing_columns_of_the_training_are_named():
    with pytest.raises(
        DataError, match=r"a\.csv: no column 'body', as in training; set text to one of: id, kind, extra"
    ):
        choose_text_columns("a.csv", ("id", "kind", "extra"), TRAINED)
    notices = column_notices("a.csv", ("text", "kind"), {"text": "text", "label": "kind"}, TRAINED)
    assert notices == ("a.csv: no column 'body', as in training; the text is read from 'text'",)
    assert column_notices("a.txt", ("text",), {"text": "text"}, TRAINED) == ()
    assert column_notices("a.csv", ("text", "kind"), {"text": "text"}, replace(TRAINED, text="text")) == ()


def test_columns_that_are_read_are_listed_beside_others():
    assert describe_roles(("text", "label"), {"text": "text", "label": "label"}) == ()
    (line,) = describe_roles(("id", "body", "a", "b"), {"text": "body", "label": "a,b"})
    assert line == "columns: text 'body', label 'a,b'; 1 other column ignored"
