"""Rare labels: weights, focal loss and oversampling, against their definitions, and their effect."""

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.errors import ConfigError
from textgraft.tasks.objectives.balance import oversampling_weights
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.training.epochs import rows_per_epoch, shuffled_batches
from textgraft.training.ragged import Ragged

BALANCED = ["weights", "focal", "oversample"]
FIT = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-2}


def imbalanced(multi):
    """400 texts, 5 % of them rare: each of these has a word that a tenth of the others have too."""
    random = np.random.default_rng(0)
    rare = np.arange(400) % 20 == 0
    marked = rare | (random.random(400) < 0.1)
    fillers = random.choice(["the film", "a plot", "it was fine", "not dull"], (400, 2))
    texts = [
        f"{first} {'bad' if mark else 'good'} {second}" for (first, second), mark in zip(fillers, marked, strict=True)
    ]
    if not multi:
        return tg.Dataset.from_lists(texts, np.where(rare, "rare", "usual").tolist())
    sets = [["rare"] * bool(is_rare) + ["film"] * ("film" in text) for text, is_rare in zip(texts, rare, strict=True)]
    return tg.Dataset.from_lists(texts, sets)


def fitted(preset, multi, **config):
    data = imbalanced(multi)
    given = {"problem": "multi-label", "labels": data.label_names} if multi else {"labels": data.label_names}
    model = tg.TextClassifier(preset, precision="float32", dropout=0, **given)
    options = {"epochs": 8, "batch_size": 16, "learning_rate": 3e-2, "ngrams": False, "keep_reference": 0, **config}
    model.fit(data, validation=data, callbacks=RecordingCallback(), **options)
    model.objective.prepare(data)  # no tuned thresholds and no temperature: they would hide the difference
    return model, model.evaluate(data)


@pytest.mark.parametrize("multi", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["single", "multi"])
def test_balance_raises_recall_of_rare_labels(tiny_word_vectors, multi):
    _, plain = fitted(tiny_word_vectors, multi)
    recall = plain["per_class"]["rare"]["recall"]
    for name in ("weights", "oversample"):
        _, found = fitted(tiny_word_vectors, multi, balance=name)
        assert found["macro_f1"] > plain["macro_f1"] + 0.1
        assert found["per_class"]["rare"]["recall"] > recall + 0.5


@pytest.mark.parametrize(
    "name",
    [pytest.param("weights", marks=pytest.mark.slow), "focal", pytest.param("oversample", marks=pytest.mark.slow)],
)
def test_reported_losses_are_not_balanced(tiny_word_vectors, name):
    model, found = fitted(tiny_word_vectors, False, balance=name)
    examples = model.examples(imbalanced(False))
    inputs, targets = examples.batch(np.arange(400))
    plain = tf.reduce_mean(model.objective.loss(targets, model.forward(inputs))).numpy()
    assert found["loss"] == pytest.approx(plain, rel=1e-4)
    assert model.history[model.record["fit"]["best_epoch"] - 1]["val_loss"] == pytest.approx(plain, rel=1e-4)


def test_weighted_loss_equals_its_definition():
    problem = SingleLabel(["a", "b", "c"])
    targets, logits = (
        np.array([0, 0, 0, 1], np.int32),
        tf.constant(np.random.default_rng(0).normal(size=(4, 3)), tf.float32),
    )
    found = problem.training_loss("weights", targets)(tf.constant(targets), logits)
    weights = np.array([4 / (2 * 3), 4 / (2 * 1)])[targets]  # n / (labels seen * count), as scikit-learn's "balanced"
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(found, weights * problem.loss(tf.constant(targets), logits), rtol=1e-5)
    sets = Ragged(np.array([0, 1, 0, 0], np.int32), np.array([2, 1, 1, 0]))
    problem, logits = MultiLabel(["a", "b"]), logits[:, :2]
    found = problem.training_loss("weights", sets)(sets.tensor(), logits)
    true = np.array([[1, 1], [1, 0], [1, 0], [0, 0]])
    sure = 1 / (1 + np.exp(-logits.numpy()))
    expected = -(np.array([1 / 3, 3]) * true * np.log(sure) + (1 - true) * np.log(1 - sure)).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_focal_loss_equals_its_definition():
    for labels in (["a", "b"], ["a", "b", "c"]):
        problem = SingleLabel(labels)
        logits = np.random.default_rng(0).normal(size=(6, problem.width)).astype(np.float32) * 3
        targets = np.arange(6, dtype=np.int32) % len(labels)
        true = problem.probabilities(logits)[np.arange(6), targets]
        found = problem.training_loss("focal", targets)(tf.constant(targets), tf.constant(logits))
        np.testing.assert_allclose(found, -((1 - true) ** 2) * np.log(true), rtol=1e-4, atol=1e-7)


def test_oversampling_balances_labels_in_every_epoch():
    targets = np.repeat([0, 1, 2], [70, 20, 10])
    sampling_weights = oversampling_weights(np.bincount(targets), np.bincount(targets)[targets])
    lengths = np.random.default_rng(0).integers(1, 90, 100)
    for epoch in range(4):
        order = np.concatenate(shuffled_batches(lengths, 8, 0, epoch, sampling_weights))
        assert len(order) == rows_per_epoch(100, sampling_weights) == 210
        often = np.bincount(order, minlength=100)
        np.testing.assert_allclose(np.bincount(targets, often), 70, atol=1)
        assert often.min() >= 1
        assert np.abs(often - sampling_weights).max() < 1
        again = np.concatenate(shuffled_batches(lengths, 8, 0, epoch, sampling_weights))
        np.testing.assert_array_equal(order, again)
    assert len({len(shuffled_batches(lengths, 8, 0, epoch, sampling_weights)) for epoch in range(9)}) == 1


def test_sets_are_oversampled_by_their_rarest_label():
    sets = Ragged(np.array([0, 0, 1, 0, 0], np.int32), np.array([1, 2, 1, 1, 0]))
    np.testing.assert_array_equal(MultiLabel(["a", "b"]).sampling_weights(sets), [1, 4, 1, 1, 1])


@pytest.mark.parametrize(
    "name",
    [pytest.param("weights", marks=pytest.mark.slow), pytest.param("focal", marks=pytest.mark.slow), "oversample"],
)
@pytest.mark.slow
def test_resume_changes_nothing(tiny_word_vectors, tmp_path, name):
    data = imbalanced(False).take(range(60))
    assert_resume_changes_nothing(
        lambda: tg.TextClassifier(tiny_word_vectors, ["rare", "usual"], precision="float32"),
        lambda model, callback, run: model.fit(
            data, validation=data, callbacks=callback, checkpoints=run, **{**FIT, "balance": name}
        ),
        after=11,
        folder=tmp_path / "run",
    )


@pytest.mark.parametrize("fine_tune", ["none", pytest.param("last:1", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_balance_works_with_cached_activations(tiny_bert, fine_tune):
    model = tg.TextClassifier(tiny_bert, ["rare", "usual"], precision="float32")
    data = imbalanced(False).take(range(40))
    for name in BALANCED:
        model.fit(data, validation=data, callbacks=RecordingCallback(), fine_tune=fine_tune, balance=name, **FIT)


def test_invalid_balance_is_reported(word_vectors_backbone):
    model = tg.TextClassifier(word_vectors_backbone, ["rare", "usual"], precision="float32")
    with pytest.raises(ConfigError, match="none, weights, focal, oversample"):
        model.fit(imbalanced(False), balance="smote")
    with pytest.raises(ConfigError, match="head logistic does not support balance"):
        model.fit(imbalanced(False), fine_tune="none", head="logistic", balance="weights")
    numbers = tg.Dataset.from_lists(["a", "b", "c", "d"] * 5, [1.0, 2.0, 3.0, 4.0] * 5, problem="regression")
    model = tg.TextClassifier(word_vectors_backbone, problem="regression", precision="float32")
    with pytest.raises(ConfigError, match="balance applies to labels of whole texts"):
        model.fit(numbers, validation=numbers, balance="weights")
