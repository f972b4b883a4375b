"""Refit: no label is held back from the model, and what validates it never trained what it validates."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import textgraft as tg
from tests.helpers.commands import run_successfully
from tests.helpers.resuming import RecordingCallback
from tests.helpers.reviews import reviews
from textgraft.errors import ConfigError
from textgraft.ngrams.fitting import assign_folds
from textgraft.tasks.objectives.single_label import best_temperature

LABELS = ["bad", "good"]


def texts(count=30):
    """Different texts of two labels that a linear head does not separate."""
    random = np.random.default_rng(0)
    words = ["film", "plot", "dull", "fine", "very", "good", "bad", "a", "the", "was"]
    rows = [f"{' '.join(random.choice(words, 4))} {'very ' * (row % 7)}" for row in range(count)]
    return tg.Dataset.from_lists(rows, [LABELS[row % 3 == 0] for row in range(count)])


def fresh(preset):
    return tg.TextClassifier(preset, LABELS, precision="float32")


def fit(model, data, callback=None, **options):
    model.fit(data, callbacks=callback or RecordingCallback(), progress=False, **{"fine_tune": "none", **options})
    return model


def embed(model, data):
    return tg.TextEmbedder(model.backbone, precision="float32", normalize=False).predict(data)


def regress(vectors, targets):
    return LogisticRegression(C=1 / (vectors**2).sum(axis=1).mean(), max_iter=1000).fit(vectors, targets)


def test_logistic_regression_is_fitted_to_all_texts_and_validated_on_each_held_out_fifth(tiny_word_vectors):
    data, callback = texts(), RecordingCallback()
    model = fit(fresh(tiny_word_vectors), data, callback)
    vectors, targets = embed(model, data), data.label_ids(LABELS)
    kernel = model.head.get_layer("logits").kernel.numpy()
    np.testing.assert_allclose(kernel[:, 0], regress(vectors, targets).coef_[0], atol=1e-3)
    scores, folds = np.zeros(len(data)), assign_folds(data.digests(), targets, 0)
    for fold in range(5):
        held_out = folds == fold
        scores[held_out] = regress(vectors[~held_out], targets[~held_out]).decision_function(vectors[held_out])
    accuracy = np.mean((scores > 0) == targets)
    assert model.record["metrics"]["validation"]["val_accuracy"] == pytest.approx(accuracy)
    report = model.record["metrics"]["validation_report"]
    assert report["texts"] == 30
    assert report["accuracy"] == pytest.approx(accuracy)
    expected = best_temperature(targets, np.stack([0 * scores, scores], axis=1))
    assert model.objective.temperature == pytest.approx(expected, rel=0.01)
    assert f"calibrated: temperature {model.objective.temperature:.2f} (30 held-out texts)" in callback.messages
    assert model.record["validated_by"] == "cross-validation"
    assert {name: part["texts"] for name, part in model.record["data"].items()} == {"train": 30}


def test_named_validation_texts_are_never_trained_on(tiny_word_vectors):
    model = fit(fresh(tiny_word_vectors), texts(), validation=reviews())
    vectors = embed(model, texts())
    expected = regress(vectors, texts().label_ids(LABELS)).coef_[0]
    np.testing.assert_allclose(model.head.get_layer("logits").kernel.numpy()[:, 0], expected, atol=1e-3)
    assert "validated_by" not in model.record
    with pytest.raises(ConfigError, match="refit trains on the validation texts too, and validation names a set of"):
        fit(fresh(tiny_word_vectors), texts(), validation=reviews(), refit=True)


@pytest.mark.parametrize("options", [{"refit": False}, {"head": "gradient", "epochs": 1}])
def test_validation_texts_are_held_out_otherwise(tiny_word_vectors, options):
    model = fit(fresh(tiny_word_vectors), texts(), **options)
    assert {name: part["texts"] for name, part in model.record["data"].items()} == {"train": 27, "validation": 3}
    assert model.record["fit"]["refit"] is False


def test_refit_of_many_texts_is_asked_for(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.refit.MAX_REFIT_TEXTS", 29)
    assert fit(fresh(tiny_word_vectors), texts()).record["data"]["train"]["texts"] == 27
    assert fit(fresh(tiny_word_vectors), texts(), refit=True).record["data"]["train"]["texts"] == 30


def test_ngrams_are_weighed_on_held_out_fifths(tiny_word_vectors):
    random = np.random.default_rng(0)
    labels = [LABELS[row % 2] for row in range(80)]
    data = tg.Dataset.from_lists(
        [f"film only{row}q {label}{random.integers(4)}q" for row, label in enumerate(labels)], labels
    )
    callback = RecordingCallback()
    model = fit(fresh(tiny_word_vectors), data, callback, ngrams=True)
    (line,) = (line for line in callback.messages if line.startswith("n-grams"))
    accuracy = model.record["metrics"]["validation"]["val_accuracy"]
    assert f"-> {accuracy:.3f} (80 texts); log loss of 80 held-out texts" in line
    assert accuracy == model.record["metrics"]["validation_report"]["accuracy"] > 0.9
    assert line.startswith("n-grams: cross-validated accuracy ")


def test_command_prints_and_keeps_the_cross_validation(tiny_word_vectors, tmp_path):
    source = tmp_path / "reviews.csv"
    source.write_text("text,label\n" + "".join(f"{row.text},{row.label}\n" for row in texts()))
    command = ("train", source, "--preset", tiny_word_vectors, "--fine-tune", "none", "--out", tmp_path / "model")
    result = run_successfully(*command)
    assert "results of cross-validation on all training texts:" in result.stderr
    assert "accuracy" in result.stdout
    assert "cross-validation accuracy" in run_successfully("info", tmp_path / "model").stdout
    card = (tmp_path / "model" / "README.md").read_text()
    assert "- train: 30 texts of" in card
    assert "| cross-validation |" in card
    assert "### Labels of the cross-validation texts" in card


def test_estimated_cost_counts_all_texts(tiny_word_vectors):
    plan = fresh(tiny_word_vectors).plan(texts(), fine_tune="none")
    assert plan.texts == {"train": 30}
