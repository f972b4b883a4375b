"""The n-gram model: folds, settings, logits and the weight beside a network."""

import numpy as np
import pytest
import tensorflow as tf

from textgraft.ngrams.combination import fit_combination, fit_weights
from textgraft.ngrams.fitting import ALWAYS_IN_TRAINING, FOLDS, NgramRegression, Settings, assign_folds
from textgraft.ngrams.matrix import count_texts
from textgraft.tasks.objectives.single_label import best_temperature
from textgraft.text.cleaning import Cleaning
from textgraft.training.log_loss import label_logits, mean_log_loss

WORDS = ["red", "green", "blue", "plain", "round", "small"]


def texts_of(count, labels=3, seed=0):
    """Texts of random words in which one word names the label."""
    random = np.random.default_rng(seed)
    targets = np.arange(count) % labels
    texts = [
        " ".join([*random.choice(WORDS[labels:], 4), WORDS[target], f"only{row}"]) for row, target in enumerate(targets)
    ]
    return np.array([text.encode() for text in texts], object), targets


def regression(count=60, labels=3, width=None):
    texts, targets = texts_of(count, labels)
    folds = assign_folds(np.arange(count), targets, seed=0)
    return NgramRegression(
        count_texts([texts], Cleaning()), targets, width or (1 if labels == 2 else labels), folds
    ), targets


def test_folds_are_stratified_and_equal_texts_share_one():
    targets = np.repeat([0, 1, 2], [50, 25, 1])
    texts = np.arange(76)
    texts[10] = texts[0]
    folds = assign_folds(texts, targets, seed=3)
    assert folds[10] == folds[0]
    assert folds[75] == ALWAYS_IN_TRAINING
    for label, size in ((0, 10), (1, 5)):
        sizes = np.bincount(folds[targets == label], minlength=FOLDS)
        assert abs(sizes - size).max() <= 1
    assert (assign_folds(texts, targets, seed=4) != folds).any()


def test_label_whose_texts_are_all_equal_is_not_held_out():
    folds = assign_folds(np.array([7, 7, 1, 2, 3, 4]), np.array([0, 0, 1, 1, 1, 1]), seed=0)
    assert (folds[:2] == ALWAYS_IN_TRAINING).all()
    assert (folds[2:] >= 0).all()


@pytest.mark.parametrize(("labels", "width"), [(2, 1), (3, 3), (2, 4), (3, 4)])
def test_graph_computes_the_logits_of_the_matrix(labels, width):
    fitting, _ = regression(labels=labels, width=width)
    fitted = fitting.fit(Settings("log-count-ratio", 16.0))
    texts, _ = texts_of(300, labels, seed=1)
    texts[:3] = b"", b"unknown words", "red 红".encode()
    expected = fitted.logits(count_texts([texts], Cleaning()))
    assert expected.shape == (300, width)
    assert (label_logits(expected[3:]).argmax(axis=1) == np.arange(3, 300) % labels).all()
    np.testing.assert_allclose(fitted.to_model(2.5, Cleaning()).logits(texts), 2.5 * expected, atol=1e-4)
    assert fitted.to_model(1.0, Cleaning()).logits(texts[:0]).shape == (0, width)


def test_ngrams_of_single_texts_have_no_weight():
    fitting, _ = regression()
    fitted = fitting.fit(Settings("idf", 16.0))
    only = int(tf.strings.to_hash_bucket_fast("only3", 1 << 20))
    assert only not in fitted.buckets
    assert int(tf.strings.to_hash_bucket_fast("red", 1 << 20)) in fitted.buckets


def test_held_out_logits_are_those_of_models_without_the_fold():
    texts, targets = texts_of(60, 2)
    counts, folds = count_texts([texts], Cleaning()), assign_folds(np.arange(60), targets, seed=0)
    flipped = np.where(folds == 0, 1 - targets, targets)
    settings = Settings("log-count-ratio", 16.0)
    logits = NgramRegression(counts, targets, 1, folds).held_out_logits(settings)
    others = NgramRegression(counts, flipped, 1, folds).held_out_logits(settings)
    np.testing.assert_array_equal(others[folds == 0], logits[folds == 0])
    assert (others[folds == 1] != logits[folds == 1]).all()


def test_settings_are_those_with_the_lowest_held_out_loss():
    fitting, targets = regression(count=40)
    chosen = fitting.choose_settings()
    losses = {
        (scale, strength): mean_log_loss(fitting.held_out_logits(Settings(scale, strength)), targets)
        for scale in ("idf", "log-count-ratio")
        for strength in (4.0, 16.0, 64.0)
    }
    assert (chosen.scale, chosen.inverse_penalty) == min(losses, key=lambda name: losses[name])


def test_held_out_logits_of_the_chosen_settings_are_not_computed_again(monkeypatch):
    (fitting, _), (other, _) = regression(count=40), regression(count=40)
    chosen = fitting.choose_settings()
    monkeypatch.setattr(fitting, "_fit_rows", None)
    np.testing.assert_array_equal(fitting.held_out_logits(chosen), other.held_out_logits(chosen))


@pytest.mark.parametrize(
    ("texts", "targets"), [([b"a", b"b", b"c", b"d"], [0, 0, 1, 1]), ([b"a b", b"a b"], [0, 1]), ([b"a"] * 4, [1] * 4)]
)
def test_texts_without_common_ngrams_or_labels_cannot_be_fitted(texts, targets):
    targets = np.array(targets)
    folds = assign_folds(np.arange(len(texts)), targets, seed=0)
    assert not NgramRegression(count_texts([np.array(texts, object)], Cleaning()), targets, 1, folds).is_possible


def test_weights_without_ngrams_are_the_temperature_of_the_network():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 200)
    network = random.normal(size=(200, 3)) + 2 * np.eye(3)[targets]
    weights = fit_weights(targets, 5 * network, np.zeros((200, 3)))
    assert weights.ngrams == 0
    assert weights.temperature == pytest.approx(best_temperature(targets, 5 * network), rel=1e-3)


def test_informative_ngrams_are_better_and_noise_is_not():
    random = np.random.default_rng(1)
    targets = random.integers(0, 2, 400)
    noise = random.normal(size=(400, 2, 3))
    network, informative, useless = (noise[..., index] + (2 - index) * np.eye(2)[targets] for index in range(3))
    folds = np.arange(400) % FOLDS
    better = fit_combination(targets, network, informative, folds)
    assert better.is_better
    assert better.combined_loss < better.network_loss - 0.02
    assert better.network_temperature == pytest.approx(best_temperature(targets, network), rel=1e-3)
    combined = better.weights.combine(network, informative)
    assert mean_log_loss(combined, targets) < mean_log_loss(network / better.weights.temperature, targets)
    worse = fit_combination(targets, network, useless, folds)
    assert worse.combined_loss > worse.network_loss - 0.005
    misleading = fit_combination(targets, network, -informative, folds)
    assert misleading.weights.ngrams == 0
    assert not misleading.is_better
