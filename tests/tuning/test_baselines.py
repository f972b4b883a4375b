"""The baselines: against scikit-learn's own vectorizer, and ratios worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from textgraft.data.columns import MULTI, REGRESSION, SINGLE
from textgraft.data.dataset import Dataset
from textgraft.evaluation.baseline import tfidf_accuracy
from textgraft.tuning import baselines
from textgraft.tuning.baselines import NbSvm, log_count_ratio, run_baselines


def some(seed, texts=200):
    random = np.random.default_rng(seed)
    words = [f"word{number}" for number in range(60)]
    labels = random.integers(0, 3, texts)
    rows = [" ".join(random.choice(words[label * 15 : label * 15 + 30], 6)) for label in labels]
    return Dataset.from_lists(rows, [f"label {label}" for label in labels])


def test_tfidf_is_that_of_a_vocabulary():
    train, validation = some(0), some(1)
    found = {one.name: one.score for one in run_baselines(SINGLE, train, validation)}
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
    np.testing.assert_array_equal(model.predict(counts * 7), targets)


def test_of_many_texts_some_of_each_label_count(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_TEXTS", 150)
    train, validation = some(0), some(1)
    few = run_baselines(SINGLE, train.split(150 / 200)[0], validation)
    assert [one.score for one in run_baselines(SINGLE, train, validation)] == [one.score for one in few]


def test_weights_are_bounded_whatever_the_number_of_labels():
    for labels in (2, 8, 9, 150, 5000):
        counted = baselines._count_words(some(0, 5), labels)
        assert counted.shape[1] * labels <= baselines._MAX_WEIGHTS


def texts_of(*parts):
    return [[text.decode() for batch in part.batches() for text in batch.texts] for part in parts]


def relabelled(data, labels, problem):
    (texts,) = texts_of(data)
    return Dataset.from_lists(texts, labels, problem=problem)


def test_sets_of_labels_are_judged_by_micro_f1():
    """Against a logistic regression for each label by hand; the other one is that of every text."""
    parts = []
    for seed in (0, 1):
        data = some(seed)
        odd = data.label_ids(data.label_names) == 1
        parts.append(relabelled(data, [["odd", "all"] if one else ["all"] for one in odd], MULTI))
    (found,) = run_baselines(MULTI, *parts)
    assert found.name == "TF-IDF + logistic regression per label"
    texts = texts_of(*parts)
    targets = [np.array(["odd" in label for label in part.labels]) for part in parts]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10))
    said = model.fit(texts[0], targets[0]).predict(texts[1])
    hits, given, there = (said & targets[1]).sum() + 200, said.sum() + 200, targets[1].sum() + 200
    assert found.score == pytest.approx(2 * hits / (given + there), abs=0.005)


def test_one_label_that_some_texts_have():
    data = some(0)
    odd = data.label_ids(data.label_names) == 1
    part = relabelled(data, [["odd"] if one else [] for one in odd], MULTI)
    (found,) = run_baselines(MULTI, part, part)
    assert found.score > 0.9


def test_numbers_are_judged_by_the_loss_of_their_models(tiny_bert):
    """A ridge that knows nothing has the loss of a model that gives the mean: the variance of standardised targets."""
    from textgraft.tasks.text_classification import TextClassifier

    train, validation = (
        relabelled(data, (10.0 * data.label_ids(data.label_names)).tolist(), REGRESSION) for data in (some(0), some(1))
    )
    (found,) = run_baselines(REGRESSION, train, validation)
    assert found.name == "TF-IDF + ridge regression"
    model = TextClassifier(tiny_bert, precision="float32", problem=REGRESSION)
    model.objective.prepare(train)
    constant = float(
        np.mean(model.objective.loss(model.objective.targets(validation), np.zeros((len(validation), 1), np.float32)))
    )
    assert found.score < 0.7 * constant
    unknown = relabelled(validation, validation.numbers().tolist(), REGRESSION)
    strange = Dataset.from_lists(["zzz"] * len(unknown), unknown.numbers().tolist(), problem=REGRESSION)
    assert run_baselines(REGRESSION, train, strange)[0].score == pytest.approx(constant, rel=0.2)


def test_other_texts_have_none():
    assert run_baselines(None, some(0), some(1)) == []


def test_of_many_texts_sorted_by_label_each_label_counts(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_TEXTS", 60)
    data = some(0)
    order = np.argsort(data.label_ids(data.label_names), kind="stable")
    assert all(one.score > 0.5 for one in run_baselines(SINGLE, data.take(order), some(1)))


def test_a_label_without_a_text_is_never_said():
    counts = csr_matrix(np.array([[1, 0], [0, 1]] * 10, float))
    found = NbSvm().fit(counts, np.array([0, 2] * 10))
    assert set(found.predict(counts)) == {0, 2}
