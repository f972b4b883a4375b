"""Hostile model folders are refused in one line: no code run, nothing read outside, little memory taken."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from tools.make_hostile import CASES, RAN, make_extremes, make_hostile

import textgraft as tg
from textgraft.errors import ModelFolderError, PredictionError

MAX_SECONDS = 1200  # all extremes take minutes
MAX_CHARACTERS = 100_000
MAX_MEMORY = 256 * 2**20
FIXES = (
    "copy the model folder again",
    "download it from a trusted source",
    "pass a model folder",
    "install the version that wrote it",
    "upgrade textgraft",
    "put the file itself there",
    "remove it",
    "train the model again",
)
WAYS = ("info", "load", "predict")
EXTREMES = " of extremes"


@pytest.fixture(scope="module")
def valid(two_layer_bert, tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("valid")
    data = tg.Dataset.from_lists(["good film", "bad film", "a plot"] * 4, ["x", "y", "z"] * 4)
    model = tg.TextClassifier(two_layer_bert, ["x", "y", "z"], precision="float32", hidden=(4,))
    model.fit(data, validation=data, epochs=1, fine_tune="none")
    model.evaluate(data, store=True)
    random = np.random.default_rng(0)
    for weight in model.head.weights:  # so that answers differ
        weight.assign(random.normal(size=weight.shape))
    other = tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32")
    return {"bert": model.save(folder / "bert"), "word_vectors": other.save(folder / "word_vectors")}


@pytest.fixture(scope="module")
def corpus(valid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return folder, make_hostile(folder, valid)


@pytest.fixture(scope="module", params=[(10, 200), pytest.param((1, 1), marks=pytest.mark.slow)], ids=["some", "all"])
def reports(request, corpus, valid, tmp_path_factory):
    """The reports of the script, for every n-th of the hostile folders and of the extremes."""
    (folder, _), (step, step_of_extremes) = corpus, request.param
    extremes = tmp_path_factory.mktemp("extremes")
    make_extremes(extremes, valid["bert"], step_of_extremes)
    arguments = (folder, step, extremes, *valid.values())
    command = [sys.executable, str(Path(__file__).with_name("refuse.py")), *map(str, arguments)]
    # A message must not be cut short by the width of a terminal.
    environment = {**os.environ, "COLUMNS": "1000"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=MAX_SECONDS, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return [json.loads(line) for line in answer.stdout.splitlines()]


def by_name(reports, way):
    return {report["name"]: report for report in reports if report["way"] == way}


def is_refusal(report, way, code):
    line = report["message"].isprintable() and len(report["message"]) < 600
    if way in ("info", "predict"):
        return report["code"] == code and line and report["message"].startswith("error: ") and not report["output"]
    return report["kind"] == "ModelFolderError" and line


@pytest.mark.parametrize("way", WAYS)
def test_hostile_folders_are_refused_in_one_line(corpus, reports, way):
    _, cases = corpus
    found = by_name(reports, way)
    expected = {name for name, case in cases.items() if WAYS.index(case.refused_by) <= WAYS.index(way)}
    if way != "info":
        expected &= found.keys()
    assert {cases[name].refused_by for name in expected} == set(WAYS[: WAYS.index(way) + 1])
    overflows = {name for name in expected if cases[name].refused_by == "predict"}
    codes = {name: PredictionError.exit_code if name in overflows else ModelFolderError.exit_code for name in expected}
    assert {name: found[name] for name in expected if not is_refusal(found[name], way, codes[name])} == {}
    assert {name: found[name]["message"] for name in expected if cases[name].words not in found[name]["message"]} == {}


def test_messages_name_location_and_fix(corpus, reports):
    folder, _ = corpus
    refusals = [report for way in ("info", "load") for report in by_name(reports, way).values() if report["code"]]
    for report in refusals:
        assert str(folder / report["name"]) in report["message"]
        assert report["message"].endswith(FIXES), report["message"]


def test_wrong_type_is_reported_with_its_field(corpus, reports):
    found = by_name(reports, "info")
    assert (
        "config.architecture.dropout must be a number, at least 0 and below 1, not [{}]"
        in (found["type-of-architecture-dropout"]["message"])
    )
    assert (
        "config.backbone.network.num_layers must be an integer"
        in (found["type-of-backbone-network-num_layers"]["message"])
    )
    assert len([name for name in found if name.startswith("type-of-")]) > 80


def test_tensorflow_is_not_imported_for_a_refusal(reports):
    assert [report["tensorflow"] for report in reports if report["way"] == "before TensorFlow"] == [False]


def test_memory_is_bounded(reports):
    taken = {
        (report["name"], report["way"]): report["grown"]
        for report in reports
        if "grown" in report and not report["way"].endswith(EXTREMES)
    }
    assert {what: grown for what, grown in taken.items() if grown > MAX_MEMORY} == {}
    assert max(taken.values()) > 2**20  # it is measured


def test_files_outside_are_not_opened(reports):
    assert [report["name"] for report in reports if report.get("outside")] == []


def test_code_is_not_run(corpus, reports):
    folder, _ = corpus
    assert not (folder / RAN).exists()


def test_valid_folders_are_accepted(reports):
    assert [report["code"] for report in reports if report["way"] == "valid"] == [0] * 6


@pytest.fixture(scope="module")
def agreements(reports):
    """The reports of `info` and of `predict` on a valid model, and on extremes of its config, by name and way."""
    by_folder = defaultdict(dict)
    for report in reports:
        if report["way"].endswith(EXTREMES):
            by_folder[report["name"]][report["way"].removesuffix(EXTREMES)] = report
    return by_folder


def answers(report):
    """Predictions and probabilities of each text."""
    return report["output"].splitlines()[1:]


def test_commands_agree_on_extremes_of_the_config(agreements):
    codes = {name: {way: report["code"] for way, report in ways.items()} for name, ways in agreements.items()}
    assert {name: both for name, both in codes.items() if both["info"] != both["predict"]} == {}
    refusals = [ways for name, ways in agreements.items() if codes[name]["info"]]
    assert [ways for ways in refusals for way in ways if not is_refusal(ways[way], way, 5)] == []
    assert 0 < len(refusals) < len(agreements)


def test_models_with_extremes_that_are_accepted_answer(agreements):
    accepted = {name: answers(ways["predict"]) for name, ways in agreements.items() if not ways["predict"]["code"]}
    assert {name: rows for name, rows in accepted.items() if len(rows) != 3 or len(set(rows)) < 3} == {}


def test_information_is_printable_and_short(agreements):
    shown = {name: ways["info"]["output"] + ways["info"]["message"] for name, ways in agreements.items()}
    assert {name: text for name, text in shown.items() if not text.replace("\n", "").isprintable()} == {}
    assert {name: len(text) for name, text in shown.items() if len(text) > MAX_CHARACTERS} == {}


def test_memory_of_extremes_is_bounded(agreements, valid):
    grown = {
        (name, way): report["grown"]
        for name, ways in agreements.items()
        if name != valid["bert"].name
        for way, report in ways.items()
    }
    assert {what: size for what, size in grown.items() if size > MAX_MEMORY} == {}


def test_every_case_has_a_folder(corpus):
    folder, cases = corpus
    assert cases.keys() >= CASES.keys()
    assert all((folder / name).is_dir() for name in cases)
