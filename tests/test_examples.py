"""The examples run on a few texts and a tiny text embedding."""

import re
import runpy
import shlex

import pytest

from tests.helpers.commands import run, write_csv
from tests.helpers.paths import TESTS

EXAMPLE = TESTS.parent / "examples" / "imdb_word_embedding.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imdb")
    for split in ("train", "test"):
        rows = [(f"the {split} film {index} was {['bad', 'good'][index % 2]}", "np"[index % 2]) for index in range(100)]
        write_csv(folder / f"{split}.csv", rows)
    return folder


def test_tutorial_is_under_30_lines():
    assert len(EXAMPLE.read_text().splitlines()) < 30


def test_tutorial_runs(data, tiny_word_vectors, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(EXAMPLE), str(data), str(tiny_word_vectors)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert re.fullmatch(r"test loss \d\.\d{3}, accuracy [01]\.\d{3}", capsys.readouterr().out.splitlines()[-1])


def test_tutorial_runs_as_one_command(data, tiny_word_vectors, tmp_path):
    line = re.search(r"textgraft (train .*?)\n\"\"\"", EXAMPLE.read_text(), re.S)[1].replace("\\\n", "")
    small = {"tfds:imdb_reviews": data, "nnlm-en-dim50": tiny_word_vectors, "imdb": tmp_path / "imdb"}
    result = run(*(small.get(word, word) for word in shlex.split(line)))
    assert result.exit_code == 0, result.output
    assert "train 60, validation 40, test 100 texts" in result.stderr
    assert "epoch 10/10" in result.stderr
    assert "confusion matrix" in result.stdout
