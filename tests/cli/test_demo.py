"""The demo: what its reviews promise, and that transfer wins on them."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

import textgraft
from tests.helpers.commands import assert_fails, run, run_successfully
from textgraft.cli import demo

REVIEWS = Path(textgraft.__file__).parent / "demo" / "reviews.jsonl"


@pytest.fixture(scope="module")
def reviews():
    return [json.loads(line) for line in REVIEWS.read_text(encoding="utf-8").splitlines()]


def words(text):
    return set(re.findall(r"[a-z']+", text.lower().replace("’", "'")))


def test_reviews_are_balanced(reviews):
    labels = [review["label"] for review in reviews]
    assert len(reviews) == 500
    assert labels.count("positive") == labels.count("negative") == 250


def test_reviews_share_at_most_60_percent_of_their_words(reviews):
    sets = [words(review["text"]) for review in reviews]
    assert max(len(a & b) / min(len(a), len(b)) for a, b in combinations(sets, 2)) <= 0.6


def test_reviews_have_3000_distinct_words(reviews):
    assert len(set().union(*(words(review["text"]) for review in reviews))) >= 3000


@pytest.mark.slow
def test_transfer_beats_the_baseline(tmp_path):
    folder = tmp_path / "model"
    command = [str(Path(sys.executable).parent / "textgraft"), "demo", "--json", "--out", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(answer.stdout.splitlines()[-1])
    assert set(result) == {"accuracy", "macro_f1", "baseline_accuracy", "train_seconds", "model"}
    assert result["accuracy"] >= result["baseline_accuracy"] + 0.05
    assert result["train_seconds"] < 120
    assert "port.cc" not in answer.stderr
    assert "oneDNN" not in answer.stderr
    assert demo._is_demo_model(folder)
    assert len(run_successfully("predict", folder, stdin="a great film\n").stdout.splitlines()) == 2


def test_folder_of_another_model_is_not_replaced(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert_fails(run("demo", "--out", folder), 5, "own")
