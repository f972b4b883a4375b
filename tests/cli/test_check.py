"""`textgraft check`, and `train` on data with a leak."""

import csv
import json

import pytest

from tests.data_checks.test_checks import texts_about
from tests.helpers.commands import TAGGED_ROWS, assert_fails, run, run_successfully, write_conll, write_csv

LONG = " ".join(f"word{index}" for index in range(40))


@pytest.fixture
def train(tmp_path):
    texts, labels = texts_about(60)
    rows = [*zip(texts, labels, range(60), strict=True), (LONG, "sport", 60), (texts[3].upper(), labels[3], 61)]
    return write_csv(tmp_path / "train.csv", [*rows, (texts[4], "money", 62)], ("text", "label", "source"))


@pytest.fixture
def test_set(tmp_path, train):
    texts, labels = texts_about(40, seed=1)
    return write_csv(tmp_path / "test.csv", [*zip(texts, labels, strict=True), (f"{LONG} more", "sport")])


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_leak_ends_with_its_own_exit_code(train, test_set):
    result = run("check", train, "--test", test_set)
    assert_fails(result, 11, "test.csv: 1 of 41 texts nearly repeat a text of", "pass --drop-duplicates")
    lines, text = result.stdout.splitlines(), " ".join(result.stdout.split())
    assert all(len(line) <= 80 or "/" in line for line in lines)
    assert f"line 42: repeats {train}, line 62" in text
    assert any("remedy: set --drop-duplicates" in line for line in lines)
    assert lines[-1].startswith("train 63, test 41 texts: 1 leak, ")


def test_findings_as_json(train, test_set):
    result = run("check", train, "--test", test_set, "--json")
    assert result.exit_code == 11
    report = json.loads(result.stdout)
    kinds = [finding["kind"] for finding in report["findings"]]
    assert kinds[0] == "near duplicates across splits"
    assert {"exact duplicates", "conflicting labels"} <= set(kinds)
    assert report["texts"] == {"train": 63, "test": 41}
    assert report["labels"]["sport"]["texts"] == 31


def test_clean_data_ends_with_zero(test_set):
    result = run_successfully("check", test_set)
    assert "texts by label" in result.stdout


def test_cleaned_file_has_all_columns_of_the_remaining_rows(train, test_set, tmp_path):
    before = train.read_bytes()
    result = run_successfully(
        "check", train, "--test", test_set, "--out", tmp_path / "clean.csv", "--drop-duplicates", "--drop-conflicts"
    )
    assert f"wrote 59 of 63 training rows to {tmp_path / 'clean.csv'}" in result.stderr
    rows, remaining = read_rows(train), read_rows(tmp_path / "clean.csv")
    assert remaining == [row for row in rows if row["source"] not in ("4", "60", "61", "62")]
    assert train.read_bytes() == before
    assert run("check", tmp_path / "clean.csv", "--test", test_set).exit_code == 0


def test_cleaned_file_of_entities(tmp_path):
    rows = [{"text": f"text {index} of Anna", "entities": [[7 + len(str(index)), 12, "PER"]][:0]} for index in range(9)]
    rows[2]["entities"] = [{"start": 10, "end": 14, "label": "PER"}]
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, rows[2]]))
    run_successfully("check", path, "--drop-duplicates", "--out", tmp_path / "clean.jsonl")
    assert [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text().splitlines()] == rows


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--drop-duplicates"], 2, "--out writes the rows that --drop-duplicates or --drop-conflicts leave"),
        (["--out", "new.csv"], 2, "--out writes the rows that"),
        (["--drop-conflicts", "--out", "train.csv"], 3, "train.csv exists already"),
        (["--drop-conflicts", "--out", "new.doc"], 2, "choose a name that ends in"),
        (["--label", "none"], 3, "no column 'none'"),
    ],
)
def test_options_that_cannot_be_used_are_reported(train, monkeypatch, options, code, words):
    monkeypatch.chdir(train.parent)
    before = train.read_bytes()
    assert_fails(run("check", "train.csv", *options), code, words.replace("--out", "--out"))
    assert train.read_bytes() == before


def test_conll_files_are_written_as_lists(tmp_path):
    path = write_conll(tmp_path / "train.conll", TAGGED_ROWS)
    result = run_successfully("check", path)
    assert "24 texts" in result.stdout
    assert "repeat an earlier one" in result.stdout
    run_successfully("check", path, "--drop-duplicates", "--out", tmp_path / "clean.csv")
    assert [json.loads(row["tags"]) for row in read_rows(tmp_path / "clean.csv")] == [
        ["O", "B-X", "O", "O"], ["O", "O", "B-X", "O"], ["B-Y", "I-Y", "B-X"],
    ]  # fmt: skip
    assert "train 3 texts" in run_successfully("check", tmp_path / "clean.csv").stdout


def test_tables_with_a_word_per_row_are_not_written(tmp_path):
    rows = [(f"Sentence: {index}", word, tag) for index in range(4) for word, tag in (("in", "O"), ("Rome", "B-LOC"))]
    path = write_csv(tmp_path / "words.csv", rows, ("Sentence #", "Word", "Tag"))
    assert_fails(run("check", path, "--drop-duplicates", "--out", tmp_path / "clean.csv"), 2, "has no columns to write")
    assert not (tmp_path / "clean.csv").exists()


def test_standard_input_is_not_read_again(tmp_path):
    result = run(
        "check", "-", "--format", "csv", "--drop-duplicates", "--out", tmp_path / "x.csv", stdin="text,label\n"
    )
    assert_fails(result, 2, "standard input")


def test_empty_texts_are_counted(tmp_path):
    texts, labels = texts_about(20)
    path = write_csv(tmp_path / "gaps.csv", [*zip(texts, labels, strict=True), ("", "sport"), ("x", "")])
    text = " ".join(run_successfully("check", path).stdout.split())
    assert "1 empty text dropped" in text
    assert "1 row without a label dropped" in text


def test_data_that_cannot_be_trained_is_the_error_of_train(tmp_path):
    path = write_csv(tmp_path / "one.csv", [("a", "x"), ("b", "x")])
    assert_fails(run("check", path), 3, "every text has the label 'x'; training needs at least two")


def test_train_stops_at_a_leak_unless_told_otherwise(train, test_set, tmp_path):
    command = ("train", train, "--test", test_set, "--preset", "absent", "--dry-run")  # stops after reading the data
    stopped = run(*command)
    assert_fails(stopped, 11, "test.csv: 1 of 41 texts also occur in", "set --drop-duplicates", "or set --allow-leaks")
    assert "loading TensorFlow" not in stopped.stderr
    dropped = run(*command, "--drop-duplicates")
    assert_fails(dropped, 4, "preset 'absent'")
    assert "train.csv: 1 of 63 texts dropped, which occur in a given set" in dropped.stderr
    assert run(*command, "--allow-leaks").stderr.count("test.csv: 1 of 41 texts also occur") == 1
    assert "also occur" not in run(*command, "--no-check").stderr
    assert_fails(run(*command, "--no-check", "--drop-duplicates"), 2, "drop one")


def test_truncated_texts_and_unknown_tokens_are_counted_by_a_preset(tiny_bert, tmp_path):
    texts, labels = texts_about(30)
    path = write_csv(tmp_path / "data.csv", [*zip(texts, labels, strict=True), ("film " * 300, "sport")])
    result = run_successfully("check", path, "--preset", tiny_bert)
    assert "1 of 31 texts (3%" in result.stdout.replace("\n  ", " ")
    assert "of the tokens of texts are unknown to" in result.stdout.replace("\n  ", " ")
