"""`textgraft train --zero-shot`: a model folder without training texts."""

import csv
import json
import re

import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully, write_csv

ROWS = [("the film was good", "good"), ("a dull plot", "bad"), ("very bad", "bad"), ("fine .", "good")]


@pytest.fixture
def labels_file(tmp_path):
    path = tmp_path / "labels.toml"
    path.write_text('bad = ["very bad", "a dull \\u202e film"]\ngood = "a good film"\n')
    return path


def test_model_of_descriptions_is_used_like_any_other(labels_file, tiny_word_vectors, tmp_path):
    folder, reviews = tmp_path / "model", write_csv(tmp_path / "reviews.csv", ROWS)
    options = ("--descriptions", labels_file, "--preset", tiny_word_vectors, "--out", folder)
    made = run_successfully("train", "--zero-shot", *options)
    assert "head made from 3 descriptions of 2 labels, without a labelled text" in made.stderr
    assert json.loads(run_successfully("evaluate", folder, reviews, "--json").stdout)["texts"] == 4
    run_successfully("predict", folder, reviews, "--out", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert {row["prediction"] for row in csv.DictReader(file)} <= {"bad", "good"}
    shown = run_successfully("info", folder).stdout
    assert "description of bad" in shown
    assert "very bad, a dull \\u202e film" in " ".join(shown.split())
    assert "none: the head was made from the descriptions" in shown
    run_successfully("embed", folder, reviews, "--out", tmp_path / "vectors.npy")
    assert_fails(run("train", "--zero-shot", *options), 5, "already exists")
    run_successfully("train", "--zero-shot", *options, "--overwrite")


def test_unlabelled_texts_train_head_and_ngrams(labels_file, tiny_word_vectors, tmp_path):
    folder, words = tmp_path / "model", ["good", "fine", "bad", "dull", "very", "film", "plot", "it"]
    texts = [f"{one} {two} {three}" for one in words for two in words for three in words[:2]]
    pool = write_csv(tmp_path / "pool.csv", [(text, "1") for text in texts], ("review", "stars"))
    options = ("--descriptions", labels_file, "--preset", tiny_word_vectors, "--out", folder)
    made = run_successfully(
        "train", "--zero-shot", *options, "--unlabelled", pool, "--text", "review", "--max-unlabelled", "100"
    )
    assert "100 of 128 unlabelled texts used, drawn at random" in made.stderr
    assert re.search(r"co-training: \d+ of 100 unlabelled texts labelled; no labelled text tests it", made.stderr)
    config = json.loads(run_successfully("info", folder, "--json").stdout)
    assert config["ngrams"]["features"] >= len(words)
    assert config["co_training"]["held_out"] == 0
    model = tg.load(folder)
    assert model.predict(["good good fine", "bad bad dull"]) == ["good", "bad"]
    assert model.evaluate([texts[0]], ["good"])["seen"]["adaptation"] <= 1
    result = run("train", "--zero-shot", *options, "--overwrite", "--unlabelled", pool, "--label", "stars")
    assert_fails(result, 2, "drop label")


def test_unlabelled_texts_without_common_words_are_one_line(labels_file, tiny_word_vectors, tmp_path):
    pool = tmp_path / "pool.txt"
    pool.write_text("one two\nthree four\n")
    options = ("--descriptions", labels_file, "--preset", tiny_word_vectors, "--out", tmp_path / "model")
    result = run("train", "--zero-shot", *options, "--unlabelled", pool)
    assert_fails(result, 3, "pool.txt: no word occurs in four texts, so that co-training learns nothing from them")
    assert not (tmp_path / "model").exists()


def test_names_of_labels_suffice(tiny_word_vectors, tmp_path):
    run_successfully(
        "train", "--zero-shot", "--labels", "good, bad", "--preset", tiny_word_vectors, "--out", tmp_path / "m"
    )
    config = json.loads(run_successfully("info", tmp_path / "m", "--json").stdout)
    assert config["settings"] == {"labels": ["good", "bad"], "descriptions": {"good": ["good"], "bad": ["bad"]}}
    assert config["zero_shot"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--zero-shot needs labels"),
        (("--labels", "a,,b"), "labels 'a,,b' has an empty label"),
        (("--labels", "film,film"), "labels has 'film' twice"),
        (("--labels", "0,1"), "the label 0 is not a word, so its name does not describe it; set --descriptions"),
        (("--labels", "film,plot", "--epochs", "3"), "trains no network; drop epochs"),
        (("--labels", "film,plot", "--test", "x.csv"), "drop test (test by textgraft evaluate)"),
        (("--labels", "film,plot", "--dry-run"), "drop dry_run"),
        (("--labels", "film,plot", "--encoding", "latin-1"), "drop encoding"),
        (("--labels", "film,plot", "--hidden", "4"), "drop hidden"),
        (("--labels", "film,plot", "--log", "csv"), "drop log"),
        (("x.csv", "--labels", "film,plot"), "drop data"),
        (("--labels", "film,plot", "--task", "fill-mask"), "makes a model for text-classification, not for fill-mask"),
    ],
)
def test_options_that_zero_shot_does_not_use_are_refused(tmp_path, options, message):
    assert_fails(run("train", "--zero-shot", *options, "--out", tmp_path / "model"), 2, message)
    assert not (tmp_path / "model").exists()


def test_missing_out_is_reported():
    assert_fails(run("train", "--zero-shot", "--labels", "film,plot"), 2, "out is missing: textgraft train --zero-shot")


def test_labels_of_the_file_and_the_option_must_agree(labels_file, tmp_path):
    result = run("train", "--zero-shot", "--labels", "bad,plot", "--descriptions", labels_file, "--out", tmp_path / "m")
    assert_fails(result, 2, f"{labels_file}: unknown label good; the labels are bad, plot")


def test_training_takes_descriptions(labels_file, tiny_word_vectors, tmp_path):
    reviews = write_csv(
        tmp_path / "reviews.csv", [(f"{text} {'film ' * n}", label) for n in range(5) for text, label in ROWS]
    )
    options = ("--preset", tiny_word_vectors, "--fine-tune", "none", "--out", tmp_path / "model")
    trained = run_successfully("train", reviews, "--descriptions", labels_file, *options)
    assert "descriptions: weight " in trained.stderr
    config = json.loads(run_successfully("info", tmp_path / "model", "--json").stdout)
    assert config["settings"]["descriptions"]["good"] == ["a good film"]
    assert "zero_shot" not in config


def test_descriptions_are_checked_before_training(labels_file, tmp_path):
    reviews = write_csv(tmp_path / "reviews.csv", [(text, label.upper()) for text, label in ROWS * 3])
    result = run("train", reviews, "--descriptions", labels_file, "--out", tmp_path / "model")
    assert_fails(result, 2, f"{labels_file}: unknown label bad; the labels are BAD, GOOD")
    result = run(
        "train",
        reviews,
        "--problem",
        "multi-label",
        "--label-separator",
        "|",
        "--descriptions",
        labels_file,
        "--out",
        tmp_path / "model",
    )
    assert_fails(result, 2, "descriptions are for models of one label per single text")
    assert_fails(run("train", reviews, "--labels", "x,y", "--out", tmp_path / "model"), 2, "labels is for --zero-shot")
