"""The baselines: against scikit-learn's own vectorizer, and ratios worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from textgraft.data.dataset import Dataset
from textgraft.evaluation.baseline import tfidf_accuracy
from textgraft.tuning import baselines as room
from textgraft.tuning.baselines import NbSvm, baselines, log_count_ratio


def some(seed, texts=200):
    random = np.random.default_rng(seed)
    words = [f"word{number}" for number in range(60)]
    labels = random.integers(0, 3, texts)
    rows = [" ".join(random.choice(words[label * 15 : label * 15 + 30], 6)) for label in labels]
    return Dataset.from_lists(rows, [f"label {label}" for label in labels])


def test_tfidf_is_that_of_a_vocabulary():
    train, validation = some(0), some(1)
    found = {one.name: one.accuracy for one in baselines(train, validation)}
    texts = [[text.decode() for batch in part.batches() for text in batch.texts] for part in (train, validation)]
    targets = [part.label_ids(train.label_names) for part in (train, validation)]
    expected = tfidf_accuracy(texts[0], targets[0], texts[1], targets[1])
    assert found["TF-IDF + logistic regression"] == pytest.approx(expected, abs=0.01)
    assert found["NB-SVM"] > 0.5


def test_log_count_ratios_as_worked_by_hand():
    occurs = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]], float))
    positive = np.array([True, False, False])
    p, q = np.array([2, 2, 1]) / 5, np.array([2, 1, 3]) / 6
    np.testing.assert_allclose(log_count_ratio(occurs, positive, 1.0), [*np.log(p / q), 0], atol=1e-12)


def test_counts_are_only_whether_a_word_occurs():
    counts, targets = csr_matrix(np.array([[1, 0], [0, 1.0]] * 5)), np.array([0, 1] * 5)
    model = NbSvm().fit(counts, targets)
    assert model.score(counts * 7, targets) == 1.0


def test_of_many_texts_the_first_count(monkeypatch):
    monkeypatch.setattr(room, "MOST_TEXTS", 150)
    train, validation = some(0), some(1)
    few = baselines(train.take(np.arange(150)), validation)
    assert [one.accuracy for one in baselines(train, validation)] == [one.accuracy for one in few]


def test_weights_are_bounded_whatever_the_number_of_labels():
    for labels in (2, 8, 9, 150, 5000):
        counted = room._counted(some(0, 5), labels)
        assert counted.shape[1] * labels <= room._MOST_WEIGHTS
