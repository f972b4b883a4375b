"""Texts and answers are compared with those of a training: planted shifts are found, and few alarms are false."""

import numpy as np
import pytest

from textgraft.drift.comparison import compare_with_reference, similarity_to_reference
from textgraft.model_folder.reference import Reference, project_vectors, to_int8

LABELS, DIM, LEVEL = ["a", "b", "c", "d"], 16, 0.01
SHARES = (0.4, 0.3, 0.2, 0.1)
SETTINGS = {"labels": LABELS}
SIGNS = (-1, -1, 1, -1, 1, 1, -1, 1)
CENTRES = 2 * np.random.default_rng(99).normal(size=(len(LABELS), DIM))


def sample(seed, texts=200, shares=SHARES, shift=0.0, longer=1.0):
    random = np.random.default_rng(seed)
    labels = random.choice(len(LABELS), texts, p=shares)
    vectors, scales = to_int8((CENTRES[labels] + random.normal(size=(texts, DIM)) + shift).astype(np.float32))
    lengths = (longer * random.lognormal(4, 0.5, texts)).astype(np.uint32)
    ones = np.ones(texts, np.uint32)
    return Reference(vectors, scales, lengths, ones, labels.astype(np.uint32), np.zeros(texts), trained=False)


def numbers(seed, mean=0.0):
    random = np.random.default_rng(seed)
    plain = sample(seed)
    none = np.empty(0, np.uint32)
    values = random.normal(mean, 1, len(plain))
    return Reference(plain.vectors, plain.scales, plain.lengths, 0 * plain.label_counts, none, values, trained=False)


def changes(report):
    return [test.name for test in report.tests if test.is_drift]


def test_texts_like_those_of_the_training_raise_an_alarm_in_at_most_1_of_20_resamples():
    before = sample(0)
    alarms = [compare_with_reference(before, sample(seed), SETTINGS, LEVEL, seed).is_drift for seed in range(1, 21)]
    assert sum(alarms) <= 1


def test_other_texts_are_recognized():
    assert "texts" in changes(compare_with_reference(sample(0), sample(1, shift=0.6), SETTINGS, LEVEL, 0))


def test_labels_that_move_by_20_points_are_named():
    report = compare_with_reference(sample(0), sample(1, shares=(0.2, 0.5, 0.2, 0.1)), SETTINGS, LEVEL, 0)
    assert "answers" in changes(report)
    assert {label.label for label in report.moved} == {"a", "b"}
    assert all(abs(label.after - label.before) > 0.1 for label in report.moved)
    assert report.record()["drift"] is True


def test_longer_texts_are_recognized():
    assert changes(compare_with_reference(sample(0), sample(1, longer=1.5), SETTINGS, LEVEL, 0)) == ["lengths"]


def test_numbers_that_move_are_recognized():
    settings = {"problem": "regression"}
    assert changes(compare_with_reference(numbers(0), numbers(1), settings, LEVEL, 0)) == []
    report = compare_with_reference(numbers(0), numbers(1, mean=0.5), settings, LEVEL, 0)
    assert changes(report) == ["answers"]
    assert (report.mean_before, report.mean_after) == pytest.approx((0, 0.5), abs=0.2)


def test_text_that_is_unlike_all_others_has_the_lowest_similarity():
    before, after = sample(0), sample(1)
    after.vectors[17] = -before.vectors.mean(axis=0)
    similarities = similarity_to_reference(before, after)
    assert similarities.argmin() == 17
    assert similarity_to_reference(sample(0, texts=3), after).shape == (200,)


def test_projected_vectors_have_about_the_same_distances():
    vectors = np.random.default_rng(0).normal(size=(50, 768)).astype(np.float32)
    projected = project_vectors(vectors)
    assert projected.shape == (50, 128)
    first, second = (np.linalg.norm(rows[:25] - rows[25:], axis=1) for rows in (vectors, projected))
    assert np.abs(second / first - 1).max() < 0.25
    np.testing.assert_array_equal(project_vectors(vectors[:, :128]), vectors[:, :128])
    # Folders of other versions and machines have the same signs.
    np.testing.assert_allclose(project_vectors(np.eye(768, dtype=np.float32))[0, :8] * np.sqrt(128), SIGNS, rtol=1e-6)


def test_quantized_vectors_are_close():
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    vectors[3] = 0
    values, scales = to_int8(vectors)
    assert values.dtype == np.int8
    np.testing.assert_allclose(values * scales[:, np.newaxis], vectors, atol=0.02)
