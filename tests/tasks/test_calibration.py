"""The best temperature maximizes the penalized likelihood; the best thresholds equal an exhaustive search."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

import textgraft as tg
from tests.helpers.resuming import RecordingCallback
from textgraft.evaluation.classification_metrics import log_loss
from textgraft.ngrams.fitting import assign_folds
from textgraft.tasks.objectives.multi_label import best_thresholds
from textgraft.tasks.objectives.single_label import best_temperature, matching_temperature
from textgraft.tasks.texts import as_batches
from textgraft.training.log_loss import label_logits


def draw_example(texts, labels=3, seed=0):
    """Targets drawn from the probabilities of random logits, and those logits."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (texts, labels)).astype(np.float32)
    chances = np.cumsum(softmax(logits.astype(np.float64), axis=1), axis=1)
    return (random.random((texts, 1)) > chances).sum(axis=1), logits


@pytest.mark.parametrize("factor", [0.25, 1, 4])
@pytest.mark.parametrize("labels", [2, 3, 20])
def test_temperature_recovers_the_factor_of_scaled_logits(factor, labels):
    targets, logits = draw_example(20_000, labels)
    assert best_temperature(targets, factor * logits) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("texts", [1, 5, 40])
def test_temperature_minimises_the_penalised_loss(texts):
    targets, logits = draw_example(texts)
    logits *= 5

    def penalized(temperature):
        return (
            texts * log_loss(targets, softmax(logits.astype(np.float64) / temperature, axis=1))
            + np.log(temperature) ** 2 / 2
        )

    grid = np.geomspace(0.02, 50, 2000)
    assert penalized(best_temperature(targets, logits)) <= min(map(penalized, grid)) + 1e-6


def test_temperature_stays_near_one_on_few_texts():
    targets = np.zeros(3, np.int64)
    correct = np.tile(np.array([[3, 0]], np.float32), (3, 1))
    assert 0.7 < best_temperature(targets, correct) < 1
    assert best_temperature(targets, -correct) > 1.5
    assert best_temperature(targets[:0], correct[:0]) == 1


def test_temperature_is_finite_for_logits_of_any_size():
    targets, logits = draw_example(50)
    assert np.isfinite(best_temperature(targets, logits * 1e6))
    assert np.isfinite(best_temperature(targets, logits * 0))


@pytest.mark.parametrize("confidence", [0.4, 0.7, 0.99])
def test_temperature_matches_the_mean_confidence(confidence):
    _, logits = draw_example(60)
    probabilities = softmax(logits / matching_temperature(logits, confidence), axis=1)
    assert probabilities.max(axis=1).mean() == pytest.approx(confidence, abs=1e-3)


def test_temperature_is_bounded_where_no_confidence_matches():
    _, logits = draw_example(60)
    assert 100 < matching_temperature(logits, 0.33) < 150
    assert matching_temperature(logits * 0, 0.9) < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_nearer_to_a_half_is_as_good(seed):
    random = np.random.default_rng(seed)
    targets = random.random((40, 3)) < random.random(3)
    probabilities = np.clip(random.random((40, 3)) * 0.7 + 0.3 * targets, 0, 1).round(2) * 0.6  # 0.5 is too high
    thresholds = best_thresholds(targets, probabilities)
    assert (thresholds != 0.5).any()
    for i in range(3):
        ends = np.unique(np.append(probabilities[:, i], 0))
        candidates = np.append((ends[1:] + ends[:-1]) / 2, 0.5)
        scores = [sk.f1_score(targets[:, i], probabilities[:, i] >= t, zero_division=0) for t in candidates]
        texts = targets[:, i].sum()
        share = (max(scores) * texts + 1) / (texts + 2)
        min_score = max(scores) - (share * (1 - share) / (texts + 2)) ** 0.5
        assert sk.f1_score(targets[:, i], probabilities[:, i] >= thresholds[i], zero_division=0) >= min_score - 1e-12
        nearer = np.abs(candidates - 0.5) < abs(thresholds[i] - 0.5) - 1e-12
        assert not (np.array(scores)[nearer] >= min_score).any()


def test_threshold_is_the_midpoint_of_a_gap_and_absent_labels_keep_a_half():
    targets = np.array([[True, False], [False, False]])
    np.testing.assert_allclose(best_thresholds(targets, np.array([[0.4, 0.7], [0.2, 0.8]])), [0.3, 0.5])


def test_a_label_that_was_not_learned_is_not_assigned_to_most_texts():
    targets = np.zeros((200, 1), bool)
    targets[100] = True
    probabilities = np.linspace(0.02, 0.01, 200)[:, None]  # assigning it to 101 texts has the highest F1
    assert best_thresholds(targets, probabilities) == 0.5


@pytest.mark.parametrize("labels", [["bad", "good"], ["bad", "good", "plot"]])
def test_logistic_regression_is_calibrated_on_held_out_training_texts_too(word_vectors_backbone, labels):
    """Each text's logits, by definition: from scikit-learn's optimum for the texts outside its fold."""
    texts = ["the film was good", "a fine plot", "very good", "the film was bad", "a dull film", "very bad"]
    data = tg.Dataset.from_lists(
        [f"{text} {'very ' * number}" for number in range(5) for text in texts],
        ["plot" if "plot" in text and len(labels) > 2 else labels[row < 3] for row, text in enumerate(texts)] * 5,
    )
    model, callback = tg.TextClassifier(word_vectors_backbone, labels, precision="float32"), RecordingCallback()
    model.fit(data, validation=data.take(range(3)), callbacks=callback, fine_tune="none", ngrams=False, seed=1)
    vectors = tg.TextEmbedder(model.backbone, precision="float32", normalize=False).predict(data)
    targets, logits = data.label_ids(model.labels), np.zeros((len(data), len(labels)), np.float32)
    strengths, folds = (vectors**2).sum(axis=1), assign_folds(data.digests(), data.label_ids(model.labels), seed=1)
    for fold in np.unique(folds):
        train = folds != fold
        head = LogisticRegression(C=1 / strengths[train].mean(), max_iter=1000).fit(vectors[train], targets[train])
        scores = head.decision_function(vectors[~train])
        logits[~train] = scores if len(labels) > 2 else np.stack([0 * scores, scores], axis=1)
    validation = label_logits(np.concatenate(list(model.outputs(as_batches(data.take(range(3)))))))
    expected = best_temperature(np.concatenate([targets[:3], targets]), np.concatenate([validation, logits]))
    assert model.objective.temperature == pytest.approx(expected, rel=0.01)
    assert f"calibrated: temperature {model.objective.temperature:.2f} (33 held-out texts)" in callback.messages
