"""`textgraft adapt` and `textgraft pretrain`: texts without labels in, a preset for every task out."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys

import pytest

from tests.cli.test_interruption import wait_for
from tests.helpers.commands import assert_fails, run

SMALL = ("--layers", 2, "--width", 16, "--heads", 2, "--sequence-length", 16, "--precision", "float32")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rng = random.Random(0)
    words = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "corpus.txt").write_text("\n".join(" ".join(rng.choices(words, k=8)) for _ in range(200)) + "\n")
    return folder / "corpus.txt"


def answered(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def perplexities(folder):
    found = json.loads((folder / "config.json").read_text())["metrics"]["validation"]
    return found["val_perplexity_before"], found["val_perplexity"]


@pytest.fixture(scope="module")
def adapted(corpus, tiny_bert):
    out = corpus.parent / "adapted"
    result = answered(
        "adapt", tiny_bert, corpus, "--out", out, "--sequence-length", 16, "--precision", "float32", "--epochs", 3,
        "--learning-rate", 3e-3,
    )  # fmt: skip
    before, after = perplexities(out)
    assert after < before
    assert f"perplexity {before:.2f} before, {after:.2f} after epoch 3 of 3" in result.stderr
    assert "fill-mask on 180 texts, blocks of 16 tokens, validated on 20 others" in result.stderr
    assert "new head" in result.stderr
    assert not (corpus.parent / "adapted.run").exists()
    return out


def test_what_was_adapted_is_a_preset_and_fills_masks(adapted, corpus, tmp_path):
    rows = [f"a good film {'very ' * n},x\na bad film {'not ' * n},y\n" for n in range(10)]
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(rows))
    answered("train", tmp_path / "data.csv", "--preset", adapted, "--epochs", 1, "--out", tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["preset"] == str(adapted)
    (tmp_path / "masked.txt").write_text("the film was [MASK]\n")
    lines = answered("predict", adapted, tmp_path / "masked.txt").stdout.splitlines()
    assert lines[0] == "text,tokens"
    assert lines[1].startswith("the film was [MASK],")
    assert json.loads(answered("evaluate", adapted, corpus, "--json").stdout)["perplexity"] > 1


def test_a_dry_run_trains_nothing(corpus, tiny_bert):
    before = sorted(corpus.parent.iterdir())
    shown = answered("adapt", tiny_bert, corpus, "--dry-run", "--sequence-length", 16, "--precision", "float32").output
    tokens = 180 * 8 + 179  # one between two texts
    rows = -(-tokens // 14)
    assert f"180 texts, {tokens + 2 * rows:,} tokens" in shown
    assert "minutes" in shown
    assert sorted(corpus.parent.iterdir()) == before


def test_a_dry_run_from_random_weights(corpus):
    before = sorted(corpus.parent.iterdir())
    shown = answered("pretrain", corpus, "--dry-run", *SMALL, "--vocabulary-size", 100).output
    assert "180 texts" in shown
    assert "minutes" in shown
    assert sorted(corpus.parent.iterdir()) == before


def test_a_causal_preset_is_adapted_by_what_comes_next(corpus, tiny_gpt2, tmp_path):
    out = tmp_path / "adapted"
    answered(
        "adapt", tiny_gpt2, corpus, "--out", out, "--validation", corpus, "--sequence-length", 16, "--precision",
        "float32", "--learning-rate", 3e-3,
    )  # fmt: skip
    before, after = perplexities(out)
    assert after < before
    assert answered("generate", out, "the film", "--max-new-tokens", 3).stdout.startswith("the film")


def test_pretrained_from_a_file_of_sizes(corpus, tmp_path):
    config = tmp_path / "small.toml"
    config.write_text(
        'family = "gpt2"\nlayers = 2\nwidth = 16\nheads = 2\nsequence_length = 16\nvocabulary_size = 280\n'
        'epochs = 3\nbatch_size = 4\nprecision = "float32"\n'
    )
    result = answered("pretrain", corpus, "--out", tmp_path / "small", "--config", config, "--learning-rate", 1e-2)
    assert "gpt2 with random weights and a vocabulary of 280 tokens made of these texts" in result.stderr
    before, after = perplexities(tmp_path / "small")
    assert 200 < before < 400
    assert after < before / 2
    assert answered("generate", tmp_path / "small", "the film", "--max-new-tokens", 3).stdout.startswith("the film")


@pytest.mark.slow
def test_sigterm_and_the_same_command_end_in_the_same_model(corpus, tmp_path):
    """The vocabulary is made once; the second run of the command takes what the first one left."""
    options = [*map(str, SMALL), "--vocabulary-size", "100", "--epochs", "30"]

    def start(out, *more):
        command = [sys.executable, "-m", "textgraft", "pretrain", str(corpus), "--out", str(out), *options, *more]
        return subprocess.Popen(command, stdout=-1, stderr=subprocess.STDOUT, text=True, env={**os.environ})

    process = start(tmp_path / "cut", "--save-minutes", "0.0001")
    while not list((tmp_path / "cut.run").glob("checkpoint-*")):
        wait_for(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    assert process.returncode == 143, said
    (vocabulary,) = (tmp_path / "cut.run").glob("prepared-vocabulary-*")
    assert (vocabulary / "vocab.txt").exists()
    digests = set()
    for name, *more in (("cut", "--save-minutes", "0.0001"), ("whole",)):
        process = start(tmp_path / name, *more)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        assert ("resumed an unfinished run" in said) == (name == "cut")
        digests.add(hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest())
        stored = json.loads((tmp_path / name / "config.json").read_text())
        assert "vocab.txt" in stored["preset_sha256"]
    assert len(digests) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


def test_wrong_options(corpus, tiny_bert, tiny_word_vectors, tmp_path):
    out = tmp_path / "m"
    assert_fails(run("adapt", tiny_bert, corpus), 2, "out is missing", "textgraft adapt PRESET DATA")
    assert_fails(run("adapt", tiny_bert, "--out", out), 2, "data is missing")
    assert_fails(run("adapt", tiny_word_vectors, corpus, "--out", out), 2, "no mask token")
    assert_fails(run("adapt", tiny_bert, corpus, "--out", out, "--fine-tune", "last:1"), 2, "all or lora:R")
    assert_fails(run("pretrain", corpus, "--out", out, "--family", "albert"), 2, "SentencePiece")
    assert_fails(run("pretrain", corpus, "--out", out, "--width", 10, "--heads", 3), 2, "width 10")
    assert_fails(
        run("pretrain", corpus, "--out", out, "--family", "gpt2", "--vocabulary-size", 9), 2, "vocabulary_size 9"
    )
    (tmp_path / "one.txt").write_text("one line only\n")
    assert_fails(run("pretrain", tmp_path / "one.txt", "--out", out), 3, "one text only")
    (tmp_path / "odd.txt").write_text("zebra\ngnu\n")
    assert_fails(run("adapt", tiny_bert, tmp_path / "odd.txt", "--out", out), 3, "token to be found")
    (tmp_path / "pairs.csv").write_text("prompt,completion\na,b\nc,d\n")
    assert_fails(run("adapt", tiny_bert, tmp_path / "pairs.csv", "--out", out), 3, "prompts with completions")
    assert not out.exists()
