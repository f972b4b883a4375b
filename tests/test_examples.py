"""The examples run as they stand, on a few texts and a tiny module."""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "imdb_word_embedding.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imdb")
    for split, first in (("train", 0), ("test", 100)):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = [(f"the film {number} was {['bad', 'good'][number % 2]}", "np"[number % 2]) for number in range(100)]
            csv.writer(file).writerows([("text", "label"), *((f"{text} {first}", label) for text, label in rows)])
    return folder


def test_the_tutorial_is_under_30_lines():
    assert len(EXAMPLE.read_text().splitlines()) < 30


def test_the_tutorial(data, tiny_word_vectors):
    command = [sys.executable, str(EXAMPLE), str(data), str(tiny_word_vectors)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(r"test loss \d\.\d{3}, accuracy [01]\.\d{3}", answer.splitlines()[-1])


def test_the_tutorial_as_one_command(data, tiny_word_vectors, tmp_path):
    line = re.search(r"(textgraft train .*?)\n\"\"\"", EXAMPLE.read_text(), re.S)[1]
    words = shlex.split(line.replace("\\\n", ""))
    words[0] = str(Path(sys.executable).parent / "textgraft")
    words[words.index("tfds:imdb_reviews")] = str(data)
    words[words.index("nnlm-en-dim50")] = str(tiny_word_vectors)
    words[words.index("imdb")] = str(tmp_path / "imdb")
    answer = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "train 60, validation 40, test 100 texts" in answer.stderr
    assert "epoch 10/10" in answer.stderr
    assert "confusion matrix" in answer.stdout
