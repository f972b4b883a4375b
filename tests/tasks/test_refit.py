"""Refit: no label is held back from the model, and what validates it never trained what it validates."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import textgraft as tg
from tests.helpers.commands import run_successfully
from tests.helpers.resuming import (
    RecordingCallback,
    SimulatedCrashError,
    assert_resume_changes_nothing,
    assert_same_state,
    crash,
    final_state,
)
from tests.helpers.reviews import reviews
from textgraft.errors import ConfigError
from textgraft.ngrams.fitting import assign_folds
from textgraft.tasks.objectives.single_label import best_temperature, matching_temperature
from textgraft.tasks.texts import as_batches
from textgraft.training.log_loss import label_logits

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
    options = {"fine_tune": "none", "ngrams": False, "keep_reference": 0, **options}
    model.fit(data, callbacks=callback or RecordingCallback(), progress=False, **options)
    return model


def prepared(preset, **options):
    """A run that is not trained."""
    return fresh(preset)._prepare_run(texts(), None, {"fine_tune": "none", **options})


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


def test_few_texts_are_fine_tuned_to_the_last_epoch_and_their_head_is_cross_validated(tiny_word_vectors):
    data, callback = texts(), RecordingCallback()
    model = fit(fresh(tiny_word_vectors), data, callback, fine_tune="all", refit=True)
    assert {name: part["texts"] for name, part in model.record["data"].items()} == {"train": 30}
    assert model.record["fit"]["best_epoch"] == len(model.history) == model.record["fit"]["epochs"]
    assert not any(name.startswith("val_") for name in model.history[0])
    frozen = fit(fresh(tiny_word_vectors), data).record["metrics"]["validation"]
    validation = model.record["metrics"]["validation"]
    assert {name: validation[name] for name in frozen if name.startswith("val_")} == pytest.approx(
        {name: value for name, value in frozen.items() if name.startswith("val_")}
    )
    assert model.record["validated_by"] == "cross-validation of the initial head"
    line = f"accuracy {frozen['val_accuracy']:.3f} (30 texts, each held out in turn)"
    assert f"logistic regression on the pretrained embeddings: {line}" in callback.messages
    assert "refit: all 30 texts train the model" in callback.messages
    half = 0.5 * label_logits(np.concatenate(list(model.outputs(as_batches(data)))))
    expected = (frozen["val_accuracy"] * 30 + 1) / 32
    assert model.objective.temperature == pytest.approx(matching_temperature(half, expected), rel=1e-3)


@pytest.mark.slow
def test_interrupted_refit_ends_as_an_uninterrupted_one(tiny_word_vectors, tmp_path):
    def fit_all(model, callback, checkpoints):
        fit(model, texts(), callback, fine_tune="all", refit=True, checkpoints=checkpoints)

    resumed, *_ = assert_resume_changes_nothing(lambda: fresh(tiny_word_vectors), fit_all, 7, tmp_path / "run")
    assert resumed.record["metrics"]["validation"]["val_accuracy"]


@pytest.mark.parametrize(
    "options",
    [
        {"refit": False},
        {"head": "gradient", "epochs": 1},
        {"fine_tune": "all", "epochs": 1},
    ],
    ids=str,
)
def test_validation_texts_are_held_out_otherwise(tiny_word_vectors, options):
    run = prepared(tiny_word_vectors, **options)
    assert {name: len(part) for name, part in run.data.items()} == {"train": 27, "validation": 3}
    assert run.mode.config.refit is False
    assert run.refit is None


def test_refit_of_many_texts_is_asked_for(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.refit.MAX_REFIT_TEXTS", 29)
    assert len(prepared(tiny_word_vectors).data["train"]) == 27
    assert len(prepared(tiny_word_vectors, refit=True).data["train"]) == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ngrams": True},
            "ngrams beside a network that is fine-tuned are weighed on validation texts; drop ngrams or",
        ),
        ({"validation": reviews()}, "validation names a set of its own; drop one"),
    ],
)
def test_refit_that_is_not_possible_is_refused(tiny_word_vectors, options, message):
    with pytest.raises(ConfigError, match=message):
        fit(fresh(tiny_word_vectors), texts(), fine_tune="all", refit=True, **options)


def test_fine_tuning_of_more_than_a_few_texts_is_validated(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.refit.MIN_VALIDATED_TEXTS", 30)
    run = prepared(tiny_word_vectors, fine_tune="all", refit=True)
    assert (len(run.data["validation"]), len(run.refit.data["train"])) == (3, 30)


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


# Options with which fine-tuning has a first run that validates it.
TWICE = {"fine_tune": "all", "head": "gradient", "epochs": 3, "batch_size": 8, "learning_rate": 1e-2, "refit": True}
FIRST_STEPS, REFIT_STEPS = 4, 4  # per epoch, of 27 and of 30 texts


def test_refit_repeats_the_schedule_of_the_first_run_on_all_texts(tiny_word_vectors):
    callback, once = RecordingCallback(), {**TWICE, "refit": False}
    model = fit(fresh(tiny_word_vectors), texts(), callback, **TWICE)
    first = fit(fresh(tiny_word_vectors), texts(), **once)
    assert model.objective.temperature == first.objective.temperature != 1
    assert [record["val_loss"] for record in model.history] == [record["val_loss"] for record in first.history]
    best = first.record["fit"]["best_epoch"]
    assert f"refit on all 30 texts: {best} epochs, as selected in the first run" in callback.messages
    every = fit(fresh(tiny_word_vectors), texts(), validation=texts(1), **once)  # a single text selects the last epoch
    assert every.record["fit"]["best_epoch"] == best == 3
    for name, weight in every.weights.items():
        np.testing.assert_allclose(model.weights[name].numpy(), weight.numpy(), atol=1e-6, err_msg=name)
    assert callback.steps == best * (FIRST_STEPS + REFIT_STEPS)


def test_figures_of_the_first_run_are_named_so(tiny_word_vectors, tmp_path):
    model = fit(fresh(tiny_word_vectors), texts(), **TWICE)
    assert model.record["validated_by"] == "validation before the refit"
    assert model.record["metrics"]["validation_report"]["texts"] == 3
    assert {name: part["texts"] for name, part in model.record["data"].items()} == {"train": 30}
    assert model.evaluate(texts())["seen"]["train"] == 30
    assert "| validation before the refit |" in (model.save(tmp_path / "model") / "README.md").read_text()


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(2, marks=pytest.mark.slow),
        3 * FIRST_STEPS + 1,
        pytest.param(3 * FIRST_STEPS + REFIT_STEPS + 2, marks=pytest.mark.slow),
    ],
)
def test_run_that_crashes_before_or_in_the_refit_ends_as_an_uninterrupted_one(tiny_word_vectors, tmp_path, after):
    def fit_twice(model, callback, checkpoints):
        fit(model, texts(), callback, checkpoints=checkpoints, **TWICE)

    run = tmp_path / "run"
    resumed, expected, _ = assert_resume_changes_nothing(lambda: fresh(tiny_word_vectors), fit_twice, after, run)
    assert resumed.record["metrics"]["validation_report"] == expected.record["metrics"]["validation_report"]


@pytest.mark.slow
def test_run_that_crashes_between_the_two_parts_ends_as_an_uninterrupted_one(tiny_word_vectors, tmp_path):
    class CrashingCallback(RecordingCallback):
        def on_message(self, line):
            if line.startswith("refit on all"):
                crash()

    def recording(rows):
        model = fresh(tiny_word_vectors)
        model.on_validated = lambda data, results: rows.append((next(data.batches()).texts.tolist(), results))
        return model

    validated, validated_again = [], []
    expected = fit(recording(validated), texts(), **TWICE)
    with pytest.raises(SimulatedCrashError):
        fit(recording([]), texts(), CrashingCallback(), checkpoints=tmp_path / "run", **TWICE)
    callback = RecordingCallback()
    resumed = fit(recording(validated_again), texts(), callback, checkpoints=tmp_path / "run", **TWICE)
    assert validated == validated_again
    assert len(validated[0][1]) == 3
    assert_same_state(final_state(resumed), final_state(expected))
    assert callback.steps == 3 * REFIT_STEPS


@pytest.mark.slow
@pytest.mark.parametrize("fine_tune", ["lora:2", "last:1", "none"])
def test_every_mode_is_refitted(two_layer_bert, fine_tune):
    options = {**TWICE, "fine_tune": fine_tune}
    model, every = (fresh(two_layer_bert) for _ in range(2))
    fit(model, texts(), **options)
    fit(every, texts(), validation=texts(1), **{**options, "refit": False})  # a single text selects the last epoch
    assert every.record["fit"]["best_epoch"] == model.record["fit"]["best_epoch"]
    for name, weight in every.weights.items():
        np.testing.assert_allclose(model.weights[name].numpy(), weight.numpy(), atol=1e-5, err_msg=name)


def test_thresholds_of_the_first_run_are_kept(tiny_word_vectors):
    sets = tg.Dataset.from_lists([row.text for row in texts()], [[row.label] for row in texts()])
    models = [tg.TextClassifier(tiny_word_vectors, LABELS, precision="float32", problem="multi-label") for _ in "ab"]
    for model, options in zip(models, (TWICE, {**TWICE, "refit": False}), strict=True):
        fit(model, sets, **options)
    np.testing.assert_array_equal(*(model.objective.thresholds for model in models))
    assert models[0].record["data"]["train"]["texts"] == 30


def test_estimated_cost_counts_both_runs(tiny_word_vectors):
    assert fresh(tiny_word_vectors).plan(texts(), **TWICE).steps == 3 * (FIRST_STEPS + REFIT_STEPS)


def test_language_model_is_not_refitted(tiny_bert):
    with pytest.raises(
        ConfigError, match="refit trains on all labelled texts, and fill-mask has no labels; drop refit"
    ):
        tg.MaskFiller(tiny_bert).fit(["a film", "a plot", "dull"] * 9, refit=True, progress=False)
