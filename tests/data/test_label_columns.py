"""A column of 0 and 1 for each label."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset, load_datasets
from textgraft.data.splits import read_splits
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import task_spec

ROWS = "body,toxic,rude\na,1,0\nb,0,0\nc,1,1\n"
SETS = ['["toxic"]', "[]", '["toxic", "rude"]']


def sets_of(source, label="toxic,rude", **options):
    data = load_dataset(source, label=label, **options)
    assert data.problem == "multi-label"
    return list(data.labels)


@pytest.mark.parametrize("label", ["toxic,rude", "toxic, rude", ("toxic", "rude"), ["toxic", "rude"]])
def test_columns_of_flags_are_sets(write, label):
    path = write("flags.csv", ROWS)
    assert sets_of(path, label) == SETS
    assert load_dataset(path, label=label).counts() == {"rude": 1, "toxic": 2}


@pytest.mark.parametrize("values", [("1.0", "0.0"), ("true", "False"), ("YES", "no"), (" 1", "0 ")])
def test_flags_have_several_spellings(write, values):
    assert sets_of(write("flags.csv", "text,toxic,rude\na,{1},{0}\nb,{0},{1}\n".format(*reversed(values)))) == [
        '["toxic"]',
        '["rude"]',
    ]


def test_typed_flags_are_sets(write, tmp_path):
    columns = {"text": ["a", "b", "c"], "toxic": [True, False, True], "rude": [0.0, 0.0, 1.0]}
    assert sets_of(pd.DataFrame(columns)) == SETS
    pq.write_table(pa.table(columns), tmp_path / "flags.parquet")
    assert sets_of(tmp_path / "flags.parquet") == SETS
    lines = ['{"text": "a", "toxic": 1, "rude": false}', '{"text": "b", "toxic": "no", "rude": 0}']
    assert sets_of(write("flags.jsonl", "\n".join(lines))) == SETS[:2]


def test_other_value_is_reported_with_its_line(write):
    path = write("flags.csv", "text,toxic,rude\na,1,0\nb,-1,0\n")
    with pytest.raises(DataError, match=r"flags\.csv, line 3: '-1' in the column 'toxic' is neither 0 nor 1"):
        sets_of(path)


def test_empty_flag_is_unlabelled(write):
    path = write("flags.csv", "text,toxic,rude\na,1,0\nb,,0\n")
    with pytest.raises(DataError, match=r"line 3: no value for 'toxic,rude' \(1 in all\); .* missing_labels to drop"):
        sets_of(path)
    assert sets_of(path, missing_labels="drop") == SETS[:1]


def test_label_of_no_text_is_said(write):
    path = write("flags.csv", "text,toxic,rude\na,1,0\n")
    assert (
        f"{path}: no text has the labels rude, which are not trained" in load_dataset(path, label="toxic,rude").notices
    )


def test_columns_of_flags_are_suggested(write):
    spec = task_spec("text-classification")
    hint = "2 columns hold 0 and 1: set label to toxic,rude to read them as a set"
    with pytest.raises(DataError, match=f"cannot infer the label column.*; {hint}"):
        read_splits(spec, str(write("flags.csv", ROWS)), Reading())
    with pytest.raises(DataError, match=f"cannot infer the text column.*; {hint}"):
        read_splits(spec, str(write("flags.csv", ROWS.replace("body", "x_y"))), Reading())


def test_columns_of_a_data_frame_are_suggested():
    frame = pd.DataFrame({"text": ["a", "b"], "toxic": [1, 0], "rude": [True, False], "stars": [3, 4]})
    with pytest.raises(DataError, match="2 columns hold 0 and 1: set label to toxic,rude"):
        load_dataset(frame).require_labels()


def test_columns_of_flags_are_remembered(write):
    data = load_dataset(write("flags.csv", ROWS), label="toxic,rude")
    (other,) = load_datasets(str(write("other.csv", ROWS)), None, Reading(trained_columns=data.roles))
    assert list(other.labels) == SETS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "toxic,mild"}, "no column 'mild'; it has: body, toxic, rude"),
        ({"label": "toxic,body"}, "the column 'body' cannot be both text and label"),
        ({"problem": "single-label"}, "hold a set of labels, and do not support problem single-label"),
        ({"label_separator": ";"}, "hold a set of labels, and do not support label_separator"),
    ],
)
def test_options_that_do_not_suit_columns_of_flags_are_refused(write, options, message):
    with pytest.raises((ConfigError, DataError), match=message):
        load_dataset(write("flags.csv", ROWS), **{"label": "toxic,rude", **options})


def test_separator_of_a_model_does_not_matter(write):
    reading = Reading(label="toxic,rude", problem="multi-label", label_separator=";")
    (data,) = load_datasets(str(write("flags.csv", ROWS)), None, reading)
    assert list(data.labels) == SETS


def test_column_whose_name_has_a_comma_is_one_column(write):
    data = load_dataset(write("one.csv", 'text,"a,b"\nx,1\ny,2\n'), label="a,b")
    assert list(data.labels) == ["1", "2"]
