"""Hostile model folders are refused in one line: no code run, nothing read outside, little memory taken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.make_hostile import CASES, RAN, make_hostile

import textgraft as tg

MOST_MEMORY = 256 * 2**20
MENDED_BY = (
    "copy the model folder again",
    "do not use it",
    "give a folder that `textgraft train` wrote",
    "install a matching one",
    "install one that knows it",
    "put the file itself there",
    "remove it",
)
WAYS = ("read", "info", "load", "predict")


@pytest.fixture(scope="module")
def valid(tiny_bert, tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("valid")
    data = tg.Dataset.from_lists(["good film", "bad film", "a plot"] * 4, ["x", "y", "z"] * 4)
    model = tg.TextClassifier(tiny_bert, ["x", "y", "z"], precision="float32", hidden=(4,))
    model.fit(data, data, epochs=1)
    model.evaluate(data, keep=True)
    other = tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32")
    return {"bert": model.save(folder / "bert"), "word_vectors": other.save(folder / "word_vectors")}


@pytest.fixture(scope="module")
def corpus(valid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return folder, make_hostile(folder, valid)


@pytest.fixture(scope="module")
def reports(corpus, valid):
    folder, _ = corpus
    command = [sys.executable, str(Path(__file__).with_name("refuse.py")), str(folder), *map(str, valid.values())]
    # A message must not be cut short by the width of a terminal.
    environment = {**os.environ, "COLUMNS": "1000"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return [json.loads(line) for line in answer.stdout.splitlines()]


def of(reports, way):
    return {report["name"]: report for report in reports if report["way"] == way}


def is_refusal(report, way):
    line = "\n" not in report["message"] and len(report["message"]) < 600
    if way in ("info", "predict"):
        return report["code"] == 5 and line and report["message"].startswith("error: ") and not report["output"]
    return report["kind"] == "ModelFolderError" and line


@pytest.mark.parametrize("way", WAYS)
def test_each_is_refused_in_one_line(corpus, reports, way):
    _, cases = corpus
    found = of(reports, way)
    needs_tensorflow = {name for name, case in cases.items() if case.built}
    expected = cases.keys() - (needs_tensorflow if way in ("read", "info") else set())
    assert {name: found[name] for name in expected if not is_refusal(found[name], way)} == {}
    assert {name: found[name]["message"] for name in expected if cases[name].words not in found[name]["message"]} == {}


def test_every_message_says_where_and_how_to_mend(corpus, reports):
    folder, _ = corpus
    for name, report in of(reports, "load").items():
        assert str(folder / name) in report["message"]
        assert report["message"].endswith(MENDED_BY), report["message"]


def test_a_wrong_type_is_named_by_its_place(corpus, reports):
    found = of(reports, "read")
    assert (
        "config.architecture.dropout must be a number, at least 0 and below 1, not [{}]"
        in (found["type-of-architecture-dropout"]["message"])
    )
    assert (
        "config.backbone.network.num_layers must be an integer"
        in (found["type-of-backbone-network-num_layers"]["message"])
    )
    assert len([name for name in found if name.startswith("type-of-")]) > 80


def test_what_needs_no_tensorflow_is_refused_without_it(reports):
    assert [report["tensorflow"] for report in reports if report["way"] == "before TensorFlow"] == [False]


def test_little_memory_is_taken(reports):
    taken = {(report["name"], report["way"]): report["grown"] for report in reports if "grown" in report}
    assert {what: grown for what, grown in taken.items() if grown > MOST_MEMORY} == {}
    assert max(taken.values()) > 2**20  # it is measured


def test_nothing_outside_is_opened(reports):
    assert [report["name"] for report in reports if report.get("outside")] == []


def test_no_code_is_run(corpus, reports):
    folder, _ = corpus
    assert not (folder / RAN).exists()


def test_the_valid_folders_they_are_made_from_pass(reports):
    assert [report["code"] for report in reports if report["way"] == "valid"] == [0] * 6


def test_the_names_of_cases_are_those_of_folders(corpus):
    folder, cases = corpus
    assert cases.keys() >= CASES.keys()
    assert all((folder / name).is_dir() for name in cases)
