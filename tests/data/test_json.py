"""JSON files in the layouts that programs write, read value by value."""

import io
import json
import sys

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.json_text import JsonReader
from textgraft.data.loading import load_dataset
from textgraft.errors import DataError

ROWS = [{"id": 7 + n, "text": f'"{n}" [é], {{x}} \n', "label": n % 2} for n in range(5)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
BY_INDEX = {name: {str(n): value for n, value in enumerate(values)} for name, values in COLUMNS.items()}
LAYOUTS = {
    "list": ROWS,
    "columns": COLUMNS,
    "columns by index": BY_INDEX,
    "rows by index": {str(n): row for n, row in enumerate(ROWS)},
    "split": {"columns": list(COLUMNS), "index": list(range(5)), "data": [list(row.values()) for row in ROWS]},
    "table": {"schema": {"fields": [{"name": "text"}], "pandas_version": "1.4.0"}, "data": ROWS},
    "list at a key": {"version": "1.0", "size": 5, "data": ROWS, "more": [1, {"a": []}]},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_pandas_and_datasets_are_read(write, layout, indent):
    data = load_dataset(write("a.json", json.dumps(LAYOUTS[layout], indent=indent)))
    assert texts_of(data) == COLUMNS["text"]
    assert (data.require_labels().tolist(), data.columns) == (["0", "1", "0", "1", "0"], ("id", "text", "label"))


def test_json_lines_are_read_under_the_extension_json(write):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    assert texts_of(load_dataset(write("a.json", lines))) == COLUMNS["text"]
    assert texts_of(load_dataset(write("b.json", '{"text": "a", "tags": ["x"]}'))) == ["a"]


def test_files_of_pandas_are_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    for orient in ("records", "columns", "index", "split", "table"):
        frame.to_json(tmp_path / "a.json", orient=orient)
        assert texts_of(load_dataset(tmp_path / "a.json")) == COLUMNS["text"], orient


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("value", [*LAYOUTS.values(), [], {}, [1.5, True, None, "a\\u00e9", -3], {"a": {"b": []}}])
def test_reader_returns_the_values_whatever_the_chunks(value, size):
    text = json.dumps(value, ensure_ascii=False)
    reader = JsonReader(iter([text[start : start + size] for start in range(0, len(text), size)]), 10_000)
    reader.skip()
    assert reader.peek() == ""
    reader = JsonReader(iter([text[start : start + size] for start in range(0, len(text), size)]), 10_000)
    assert json.dumps(reader.value(), ensure_ascii=False).replace('"', "") == text.replace('"', "")


def test_reader_holds_little_of_a_long_list():
    item = json.dumps({"text": "é" * 50}, ensure_ascii=False)
    reader = JsonReader(iter(["[", *[f"{item}," * 10] * 1000, "0]"]), limit=2000)
    assert sum(isinstance(reader.value(), dict) for _ in reader.elements()) == 10_000
    with pytest.raises(ValueError, match="a value of over 2,000 bytes"):
        JsonReader(iter(['["', *["x" * 1000] * 5]), limit=2000).value()


def test_large_list_on_one_line_is_read(write):
    rows = [{"text": f"{n} " + "é" * (n % 300), "label": str(n % 3)} for n in range(20_000)]
    assert texts_of(load_dataset(write("a.json.gz", json.dumps(rows)))) == [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("content", "row", "problem"),
    [
        ('[{"text": "a"}, {"text": "b" "c"}]', 2, "Expecting ',' delimiter"),
        ('[{"text": "a"}, 3]', 2, "not an object"),
        ('[{"text": "a"}, {"text": "b"', 2, "Expecting ',' delimiter"),
        ('{"text": ["a", "b"], "label": ["x"]}', 2, "columns of different lengths"),
        ('[{"text": "\\ud800"}]', 1, "half of a surrogate pair"),
    ],
)
def test_malformed_json_is_reported_with_the_row(write, content, row, problem):
    path = write("a.json", content)
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, row {row}: ")
    assert problem in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "text,label\na,b\n", "not JSON, it begins with 'text,label'; set format"),
        ("a.json", "<html><body>404</body>", "a web page (HTML); download the file itself"),
        ("a.jsonl", "<html><body>404</body>", "a web page (HTML); download the file itself"),
        ("a.jsonl", '[{"text": "a"}]', "(a list of objects); each line is one object, or set format to json"),
        ("a.csv", '{"text": "a"}\n', "JSON; rename it to .json, or set format to json"),
        ("a.csv", "[\n  {\n", "JSON; rename it to .json, or set format to json"),
    ],
)
def test_content_of_another_format_is_named(write, name, content, problem):
    with pytest.raises(DataError) as caught:
        load_dataset(write(name, content))
    assert str(caught.value).endswith(problem)


def test_list_of_texts_is_read(write):
    assert texts_of(load_dataset(write("a.json", '["one", "two"]'))) == ["one", "two"]


def test_other_lists_are_reported(write):
    path = write("a.json", json.dumps({"version": 1, "train": ROWS, "test": ROWS}))
    assert load_dataset(path).notices == (f"{path}: the list 'train' is read, ignoring test",)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_nan_and_absent_keys_are_cells_without_a_value(write, name):
    rows = [
        '{"text": "a", "label": 1.0}',
        '{"text": "b", "label": NaN}',
        '{"label": 0.0}',
        '{"text": NaN, "label": 1.0}',
    ]
    path = write(name, "\n".join(rows))
    unit = "row" if name == "a.json" else "line"
    with pytest.raises(DataError, match=f"{unit} 2: no value for 'label'"):
        load_dataset(path, empty="drop")
    with pytest.raises(DataError, match=f"{unit} 2: no value for 'text'; fill it in, or set empty to drop"):
        load_dataset(write(name, "\n".join([rows[0], *rows[2:]])))
    data = load_dataset(write(name, "\n".join([rows[0], *rows[2:]])), empty="drop")
    assert (texts_of(data), data.notices) == (["a"], (f"{path}: 2 empty texts dropped",))


def test_column_that_the_first_row_lacks_is_known(write):
    data = load_dataset(write("a.jsonl", '{"label": "x"}\n{"label": "y", "text": "b"}\n'), empty="drop")
    assert texts_of(data) == ["b"]


def test_list_on_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(ROWS).encode())))
    assert texts_of(load_dataset("-", format="json")) == COLUMNS["text"]


@pytest.mark.parametrize("depth", [150, 990, 30_000])
def test_values_that_are_skipped_may_be_nested_to_a_limit(write, depth):
    path = write("a.json", f'{{"more": {"[" * depth + "]" * depth}, "data": [{{"text": "a"}}]}}')
    if depth == 150:
        assert texts_of(load_dataset(path)) == ["a"]
        return
    with pytest.raises(DataError, match="nested too deeply"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["text", "label", "text"], "the key 'text' occurs twice"),
        (map(str, range(101)), "an object of over 100 columns"),
    ],
)
def test_columns_side_by_side_are_few_and_differ(write, names, message):
    path = write("a.json", f"{{{', '.join(f'{json.dumps(name)}: [1]' for name in names)}}}")
    with pytest.raises(DataError, match=f"{message}.*; write a list of objects"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        (["text", []], ["a", "b"], "'columns' is not a list of names"),
        ([None, "label"], ["a", "b"], "'columns' is not a list of names"),
        ("ab", ["a", "b"], "'columns' is not a list of names"),
        (["text", "label"], ["a"], "a row is not a list of 2 cells"),
    ],
)
def test_malformed_columns_beside_rows_are_reported(write, columns, row, message):
    path = write("a.json", json.dumps({"columns": columns, "data": [row]}))
    with pytest.raises(
        DataError, match=f"row 1: not valid JSON, or not a table \\({message}\\); write a list of objects"
    ):
        load_dataset(path)


def test_row_of_another_kind_is_reported(write):
    path = write("a.json", json.dumps({"columns": ["text", "label"], "data": [["a", "b"], "ab"]}))
    with pytest.raises(DataError, match=r"row 2: .*a row is not a list of 2 cells"):
        load_dataset(path)
