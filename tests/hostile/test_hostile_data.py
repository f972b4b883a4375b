"""Hostile data files are refused in one line or read, in bounded memory, and nothing outside them is opened."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from tools.make_hostile_data import make_hostile_data

import textgraft as tg
from tests.helpers.paths import TESTS
from tests.hostile.test_hostile import MAX_MEMORY
from textgraft.errors import DataError

LONG = "a long text " * 800_000


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "all"])
def cases_and_reports(request, tmp_path_factory):
    corpus = tmp_path_factory.mktemp("hostile_data")
    cases = make_hostile_data(corpus, slow=request.param)
    command = [sys.executable, "-W", "ignore", "-m", "tests.hostile.read_data", str(corpus), *cases]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=TESTS.parent)
    assert answer.returncode == 0, answer.stderr[-2000:]
    reports = {report["name"]: report for report in map(json.loads, answer.stdout.splitlines())}
    assert reports.keys() == cases.keys(), answer.stderr[-2000:]
    return cases, reports


def is_refusal(report):
    line = "\n" not in report["message"] and len(report["message"]) < 600
    return report["kind"] == "DataError" and report["code"] == 3 and line


def test_hostile_files_are_refused_in_one_line_with_their_location(cases_and_reports):
    cases, reports = cases_and_reports
    refused = {name: reports[name] for name, case in cases.items() if case.words}
    assert {name: report for name, report in refused.items() if not is_refusal(report)} == {}
    messages = {name: report["message"] for name, report in refused.items()}
    assert {name: text for name, text in messages.items() if cases[name].words not in text or name not in text} == {}


def test_other_files_are_read_whole(cases_and_reports):
    cases, reports = cases_and_reports
    rows = {name: (report["message"], set(report["rows"])) for name, report in reports.items() if not cases[name].words}
    assert rows == {name: ("", {cases[name].rows}) for name in rows}


def test_memory_is_bounded(cases_and_reports):
    _, reports = cases_and_reports
    grown = {name: report["grown"] for name, report in reports.items()}
    assert {name: size for name, size in grown.items() if size > MAX_MEMORY} == {}
    assert max(grown.values()) > 2**24  # it is measured


def test_files_outside_are_not_opened(cases_and_reports):
    _, reports = cases_and_reports
    assert [name for name, report in reports.items() if report["outside"]] == []


def test_large_texts_in_python_objects_are_refused():
    with pytest.raises(DataError, match="texts, row 2: a text of over 8 MiB; split it"):
        tg.Dataset.from_lists(["a text", LONG])
    with pytest.raises(DataError, match="row 2: a cell in 'text' of over 8 MiB; split it"):
        tg.load_dataset(pd.DataFrame({"text": ["a text", LONG]}))
