"""Answers that a model folder keeps, and their comparison on the machine that loads it."""

import json
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.exports import classifier, sharpen
from tests.helpers.golden import change_scores, copy_with_changed_score, copy_with_file
from textgraft.errors import ModelFolderError, TextgraftWarning
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.golden import GOLDEN, golden_file
from textgraft.tasks.golden_answers import compare_with_golden
from textgraft.tasks.verification import verify_model

TEXTS = [f"a {word} film {end}" for end in ("today", "again", "too", "now") for word in ("great", "bad")]
LABELS = ["good", "bad"] * 4
QUARTER = 8  # of the 32 texts


@pytest.fixture(scope="module")
def trained(tiny_bert, tmp_path_factory):
    model = tg.TextClassifier(str(tiny_bert), ["bad", "good"], "float32", sequence_length=16)
    model.fit(TEXTS, LABELS, fine_tune="none")
    return model.save(tmp_path_factory.mktemp("golden") / "model")


def test_a_trained_model_keeps_its_answers_and_gives_them_again(trained):
    golden = model_folder.read(trained).golden
    assert len(golden.texts) == len(golden.answers) == 32
    assert golden.precision == "float32"
    verification = verify_model(trained)
    assert (verification.texts, verification.precision) == (32, "float32")
    assert verification.largest_difference < 1e-5
    np.testing.assert_allclose(
        tg.load(trained, "float32").predict_proba([golden.texts[0]]), golden.answers[0]["scores"], atol=1e-6
    )


@pytest.mark.parametrize(
    "kind",
    [
        "multi-label",
        "entities",
        "embedder",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("regression", "pairs")),
    ],
)
def test_answers_of_every_kind_are_equal_to_themselves_only(tiny_bert, kind):
    if kind == "embedder":
        model = tg.TextEmbedder(str(tiny_bert), "float32", sequence_length=16)
    elif kind == "entities":
        model = sharpen(tg.TokenClassifier(str(tiny_bert), ["PER", "ORG"], "float32", sequence_length=16))
    else:
        model = classifier(str(tiny_bert), kind)
    model.record["fit"] = {}
    golden = model.golden_answers()
    stored = json.loads(golden_file(golden))
    read = replace(golden, answers=[row["answer"] for row in stored["rows"]])
    answers = [model.reference_answers([text]) for text in golden.texts]
    assert compare_with_golden(read, answers, True) < 1e-6
    with pytest.raises(ValueError, match=r"\d+ of 32 stored answers are not those of this machine"):
        compare_with_golden(read, answers[::-1], True)


def test_saving_does_not_warn_of_the_golden_texts_and_later_texts_are_warned_of(tiny_bert, tmp_path):
    model = tg.TokenClassifier(str(tiny_bert), ["PER", "ORG"], "float32", sequence_length=16)
    model.record["fit"] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.golden_answers()
    with pytest.warns(TextgraftWarning, match="tokens are unknown"):
        model.predict(["東京は日本の首都です"])


def test_an_answer_that_differs_is_refused_and_named(trained, tmp_path):
    folder = copy_with_changed_score(trained, tmp_path / "changed")
    with pytest.raises(
        ModelFolderError, match=r"1 of 32 stored answers .* score of 'A great film.* in place of \[?1.5"
    ):
        verify_model(folder)
    assert_fails(run("verify", folder), 5, "1 of 32 stored answers")


def test_in_lower_precision_a_quarter_of_the_answers_may_differ(trained):
    model = tg.load(trained, "mixed_bfloat16")
    golden = model_folder.read(trained).golden
    answers = [model.reference_answers([text]) for text in golden.texts]
    assert compare_with_golden(golden, answers, False) > 1e-6
    compare_with_golden(change_scores(golden, QUARTER), answers, False)
    with pytest.raises(ValueError, match="9 of 32 stored answers"):
        compare_with_golden(change_scores(golden, QUARTER + 1), answers, False)


def test_verify_says_what_it_compared(trained):
    result = run_successfully("verify", trained, "--json")
    assert json.loads(result.stdout)["texts"] == 32
    assert "the answers to 32 texts in float32 are those that it gave when it was saved" in result.stderr


def test_models_without_answers_are_verified_by_their_files(tiny_bert, tmp_path):
    folder = classifier(str(tiny_bert), "binary").save(tmp_path / "untrained")
    assert not (folder / GOLDEN).exists()
    result = run_successfully("verify", folder)
    assert "its files are unaltered; it has no answers to compare with" in result.stderr


def test_a_damaged_model_folder_is_verified_as_one(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "copy")
    (folder / "config.json").unlink()
    assert_fails(run("verify", folder), 5, "config.json is missing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"precision": "float32", "rows": []}', "rows must be a list of at least 1"),
        ('{"precision": "float64", "rows": []}', "precision must be one of"),
        ('{"precision": "float32", "rows": [{"text": ["a"], "answer": {}}]}', "must be a text, or a list of two"),
        ("[]", "golden.json is damaged: it is not a JSON object"),
    ],
)
def test_malformed_answers_are_refused(trained, tmp_path, content, message):
    folder = copy_with_file(trained, tmp_path / "copy", content.encode())
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(folder)
