"""`textgraft adapt` and `textgraft pretrain`: texts without labels in, a preset for every task out."""

import hashlib
import json
import random
import signal

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, start_process, wait_for

SMALL = ("--layers", 2, "--width", 16, "--heads", 2, "--sequence-length", 16, "--precision", "float32")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rng = random.Random(0)
    words = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "corpus.txt").write_text("\n".join(" ".join(rng.choices(words, k=8)) for _ in range(200)) + "\n")
    return folder / "corpus.txt"


def perplexities(folder):
    found = json.loads((folder / "config.json").read_text())["metrics"]["validation"]
    return found["val_perplexity_before"], found["val_perplexity"]


@pytest.fixture(scope="module")
def adapted(corpus, tiny_bert):
    out = corpus.parent / "adapted"
    result = run_successfully(
        "adapt", tiny_bert, corpus, "--out", out, "--sequence-length", 16, "--precision", "float32", "--epochs", 3,
        "--learning-rate", 3e-3,
    )  # fmt: skip
    before, after = perplexities(out)
    assert after < before
    assert f"perplexity {before:.2f} before, {after:.2f} after epoch 3 of 3" in result.stderr
    assert "fill-mask on 180 texts, validated on 20 others; blocks of 16 tokens" in result.stderr
    assert "new head" in result.stderr
    assert "## Command\n\n`textgraft adapt " in (out / "README.md").read_text()
    assert not (corpus.parent / "adapted.run").exists()
    return out


def test_adapted_folder_is_a_preset_and_fills_masks(adapted, corpus, tmp_path):
    rows = [f"a good film {'very ' * n},x\na bad film {'not ' * n},y\n" for n in range(10)]
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(rows))
    run_successfully(
        "train", tmp_path / "data.csv", "--preset", adapted, "--fine-tune", "none", "--out", tmp_path / "model"
    )
    assert json.loads((tmp_path / "model" / "config.json").read_text())["preset"] == str(adapted)
    (tmp_path / "masked.txt").write_text("the film was [MASK]\n")
    lines = run_successfully("predict", adapted, tmp_path / "masked.txt").stdout.splitlines()
    assert lines[0] == "text,tokens"
    assert lines[1].startswith("the film was [MASK],")
    metrics = json.loads(run_successfully("evaluate", adapted, corpus, "--json").stdout)
    assert metrics["perplexity"] > 1
    assert metrics["seen"] == {"train": 180, "validation": 20}
    # None of few texts is held out from a frozen backbone.
    assert seen_by(tmp_path / "model") == {"train": 20, "adaptation": 200}


def seen_by(folder):
    return json.loads((folder / "config.json").read_text())["seen_texts"]["digests"]


@pytest.mark.slow
def test_dry_run_trains_nothing(corpus, tiny_bert):
    before = sorted(corpus.parent.iterdir())
    output = run_successfully(
        "adapt", tiny_bert, corpus, "--dry-run", "--sequence-length", 16, "--precision", "float32"
    ).output
    tokens = 180 * 8 + 179  # one between two texts
    rows = -(-tokens // 14)
    assert f"180 texts, {tokens + 2 * rows:,} tokens" in output
    assert "without the final test" in output
    assert sorted(corpus.parent.iterdir()) == before


@pytest.mark.slow
def test_dry_run_of_pretraining(corpus):
    before = sorted(corpus.parent.iterdir())
    output = run_successfully("pretrain", corpus, "--dry-run", *SMALL, "--vocabulary-size", 100).output
    assert "180 texts" in output
    assert "without the final test" in output
    assert sorted(corpus.parent.iterdir()) == before


@pytest.mark.slow
def test_causal_presets_are_adapted_by_next_token_prediction(corpus, tiny_gpt2, tmp_path):
    out = tmp_path / "adapted"
    run_successfully(
        "adapt", tiny_gpt2, corpus, "--out", out, "--validation", corpus, "--sequence-length", 16, "--precision",
        "float32", "--learning-rate", 3e-3,
    )  # fmt: skip
    before, after = perplexities(out)
    assert after < before


@pytest.fixture(scope="module")
def pretrained(corpus):
    """A small GPT-2, with its messages."""
    folder = corpus.parent
    (folder / "small.toml").write_text(
        'family = "gpt2"\nlayers = 1\nwidth = 16\nheads = 2\nsequence_length = 16\nvocabulary_size = 280\n'
        'epochs = 3\nbatch_size = 4\nprecision = "float32"\n'
    )
    options = ("--config", folder / "small.toml", "--learning-rate", 1e-2)
    return folder / "small", run_successfully("pretrain", corpus, "--out", folder / "small", *options).stderr


@pytest.mark.slow
def test_pretraining_takes_sizes_from_a_config_file(pretrained):
    folder, messages = pretrained
    assert "gpt2 with random weights; vocabulary of 280 tokens learned from these texts" in messages
    before, after = perplexities(folder)
    assert 200 < before < 400
    assert after < before / 2


@pytest.mark.slow
def test_pretrained_model_generates(pretrained):
    folder, _ = pretrained
    assert run_successfully("generate", folder, "the film", "--max-new-tokens", 3).stdout.startswith("the film")


@pytest.mark.slow
def test_resumed_pretraining_ends_with_the_same_model(corpus, tmp_path):
    """The vocabulary is made once; the second run of the command takes what the first one left."""

    def start(out, *more):
        return start_process("pretrain", corpus, "--out", out, *SMALL, "--vocabulary-size", 100, "--epochs", 30, *more)

    process = start(tmp_path / "cut", "--save-minutes", "0.0001")
    wait_for(process, tmp_path, "cut.run/checkpoint-*")
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 143, output
    (vocabulary,) = (tmp_path / "cut.run").glob("prepared-vocabulary-*")
    assert (vocabulary / "vocab.txt").exists()
    digests = set()
    for name, *more in (("cut", "--save-minutes", "0.0001"), ("whole",)):
        process = start(tmp_path / name, *more)
        output = process.communicate()[0]
        assert process.returncode == 0, output
        assert ("resumed an unfinished run" in output) == (name == "cut")
        digests.add(hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest())
        stored = json.loads((tmp_path / name / "config.json").read_text())
        assert "vocab.txt" in stored["preset_sha256"]
    assert len(digests) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


@pytest.mark.parametrize(
    ("arguments", "code", "phrases"),
    [
        (["adapt", "BERT", "CORPUS"], 2, ["out is missing", "textgraft adapt PRESET DATA"]),
        (["adapt", "BERT", "--out", "OUT"], 2, ["data is missing"]),
        (["adapt", "VECTORS", "CORPUS", "--out", "OUT"], 2, ["no mask token"]),
        (["adapt", "BERT", "CORPUS", "--out", "OUT", "--fine-tune", "last:1"], 2, ["all or lora:R"]),
        (["pretrain", "CORPUS", "--out", "OUT", "--family", "albert"], 2, ["SentencePiece"]),
        (["pretrain", "CORPUS", "--out", "OUT", "--width", 10, "--heads", 3], 2, ["width 10"]),
        (["pretrain", "CORPUS", "--out", "OUT", "--family", "gpt2", "--vocabulary-size", 9], 2, ["vocabulary_size 9"]),
    ],
)
def test_wrong_options_are_reported(corpus, tiny_bert, tiny_word_vectors, tmp_path, arguments, code, phrases):
    out = tmp_path / "m"
    paths = {"BERT": tiny_bert, "VECTORS": tiny_word_vectors, "CORPUS": corpus, "OUT": out}
    assert_fails(run(*(paths.get(argument, argument) for argument in arguments)), code, *phrases)
    assert not out.exists()


@pytest.mark.parametrize(
    ("command", "name", "content", "phrase"),
    [
        ("pretrain", "one.txt", "one line only\n", "only one text"),
        ("adapt", "odd.txt", "zebra\ngnu\n", "no token to predict"),
        ("adapt", "pairs.csv", "prompt,completion\na,b\nc,d\n", "prompts with completions"),
    ],
)
def test_unusable_corpora_are_reported(tiny_bert, tmp_path, command, name, content, phrase):
    (tmp_path / name).write_text(content)
    preset = [tiny_bert] if command == "adapt" else []
    assert_fails(run(command, *preset, tmp_path / name, "--out", tmp_path / "m"), 3, phrase)
    assert not (tmp_path / "m").exists()
