"""The baselines: against scikit-learn's own vectorizer, and ratios worked by hand."""

import random

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from textgraft.data.dataset import Dataset
from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.tuning import baselines
from textgraft.tuning.baselines import NbSvm, log_count_ratio, run_baselines, tfidf_accuracy


def random_data(seed, texts=200):
    random = np.random.default_rng(seed)
    words = [f"word{number}" for number in range(60)]
    labels = random.integers(0, 3, texts)
    rows = [" ".join(random.choice(words[label * 15 : label * 15 + 30], 6)) for label in labels]
    return Dataset.from_lists(rows, [f"label {label}" for label in labels])


def test_hashed_tfidf_scores_like_a_vocabulary():
    train, validation = random_data(0), random_data(1)
    results = {one.name: one.score for one in run_baselines(SINGLE, train, validation)}
    expected = tfidf_accuracy(train, validation)
    assert results["TF-IDF + logistic regression"] == pytest.approx(expected, abs=0.01)
    assert results["NB-SVM"] > 0.5


def test_log_count_ratios_as_worked_by_hand():
    occurs = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]], float))
    positive = np.array([True, False, False])
    p, q = np.array([2, 2, 1]) / 5, np.array([2, 1, 3]) / 6
    np.testing.assert_allclose(log_count_ratio(occurs, positive, 1.0), [*np.log(p / q), 0], atol=1e-12)


def test_nb_svm_uses_binary_counts():
    counts, targets = csr_matrix(np.array([[1, 0], [0, 1.0]] * 5)), np.array([0, 1] * 5)
    model = NbSvm().fit(counts, targets)
    np.testing.assert_array_equal(model.predict(counts * 7), targets)


def test_many_texts_are_sampled_by_label(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_TEXTS", 150)
    train, validation = random_data(0), random_data(1)
    few = run_baselines(SINGLE, train.split(150 / 200)[0], validation)
    assert [one.score for one in run_baselines(SINGLE, train, validation)] == [one.score for one in few]


def test_number_of_weights_is_bounded():
    for labels in (2, 8, 9, 150, 5000):
        counted = baselines.Features(characters=False).count(random_data(0, 5), labels)
        assert counted.shape[1] * labels <= baselines._MAX_WEIGHTS


def texts_of(*parts):
    return [[text.decode() for batch in part.batches() for text in batch.texts] for part in parts]


def relabelled(data, labels, problem):
    (texts,) = texts_of(data)
    return Dataset.from_lists(texts, labels, problem=problem)


def test_label_sets_are_scored_by_micro_f1():
    """Against a logistic regression for each label by hand; the other one is that of every text."""
    parts = []
    for seed in (0, 1):
        data = random_data(seed)
        is_odd = data.label_ids(data.label_names) == 1
        parts.append(relabelled(data, [["odd", "all"] if one else ["all"] for one in is_odd], MULTI))
    (baseline,) = run_baselines(MULTI, *parts)
    assert baseline.name == "TF-IDF + logistic regression per label"
    texts = texts_of(*parts)
    targets = [np.array(["odd" in label for label in part.labels]) for part in parts]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10))
    predicted = model.fit(texts[0], targets[0]).predict(texts[1])
    hits, predicted_positives, true_positives = (
        (predicted & targets[1]).sum() + 200,
        predicted.sum() + 200,
        targets[1].sum() + 200,
    )
    assert baseline.score == pytest.approx(2 * hits / (predicted_positives + true_positives), abs=0.005)


def test_single_optional_label_is_learned():
    data = random_data(0)
    is_odd = data.label_ids(data.label_names) == 1
    part = relabelled(data, [["odd"] if one else [] for one in is_odd], MULTI)
    (baseline,) = run_baselines(MULTI, part, part)
    assert baseline.score > 0.9


def test_numbers_are_scored_by_the_loss_of_their_models(tiny_bert):
    """A ridge that knows nothing has the loss of a model that gives the mean: the variance of standardized targets."""
    from textgraft.tasks.text_classification import TextClassifier

    train, validation = (
        relabelled(data, (10.0 * data.label_ids(data.label_names)).tolist(), REGRESSION)
        for data in (random_data(0), random_data(1))
    )
    (baseline,) = run_baselines(REGRESSION, train, validation)
    assert baseline.name == "TF-IDF + ridge regression"
    model = TextClassifier(tiny_bert, precision="float32", problem=REGRESSION)
    model.objective.prepare(train)
    constant = float(
        np.mean(model.objective.loss(model.objective.targets(validation), np.zeros((len(validation), 1), np.float32)))
    )
    assert baseline.score < 0.7 * constant
    unknown = relabelled(validation, validation.numbers().tolist(), REGRESSION)
    strange = Dataset.from_lists(["zzz"] * len(unknown), unknown.numbers().tolist(), problem=REGRESSION)
    assert run_baselines(REGRESSION, train, strange)[0].score == pytest.approx(constant, rel=0.2)


def test_other_data_has_no_baselines():
    assert run_baselines(None, random_data(0), random_data(1)) == []


def test_many_texts_sorted_by_label_are_sampled_from_all(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_TEXTS", 60)
    data = random_data(0)
    order = np.argsort(data.label_ids(data.label_names), kind="stable")
    assert all(one.score > 0.5 for one in run_baselines(SINGLE, data.take(order), random_data(1)))


def test_label_without_texts_is_never_predicted():
    counts = csr_matrix(np.array([[1, 0], [0, 1]] * 10, float))
    results = NbSvm().fit(counts, np.array([0, 2] * 10))
    assert set(results.predict(counts)) == {0, 2}


def chinese_reviews():
    """Two hundred made-up reviews without signs inside: a word in each clause decides the label."""
    draw = random.Random(0)
    things, degrees = ["房间", "早餐", "服务", "位置", "前台", "浴室", "价格", "电梯"], ["很", "非常", "有点"]
    words = {
        "good": ["干净", "满意", "热情", "方便", "舒适", "推荐"],
        "bad": ["肮脏", "失望", "冷淡", "吵闹", "破旧", "后悔"],
    }
    rows = []
    for number in range(200):
        label = ("good", "bad")[number % 2]
        parts = [draw.choice(things) + draw.choice(degrees) + draw.choice(words[label]) for _ in range(3)]
        rows.append(("".join(parts) + f"第{number}次入住。", label))
    return Dataset.from_lists(*map(list, zip(*rows, strict=True)))


def test_chinese_reviews_are_counted_by_characters():
    train, validation = chinese_reviews().split(0.7, seed=0)
    results = {one.name: one.score for one in run_baselines(SINGLE, train, validation)}
    assert set(results) == {"TF-IDF + logistic regression, on characters", "NB-SVM, on characters"}
    assert min(results.values()) > 0.95
    assert tfidf_accuracy(train, validation) > 0.95
    train_texts, validation_texts = texts_of(train, validation)
    words = CountVectorizer(ngram_range=(1, 2)).fit(train_texts)
    model = LogisticRegression().fit(words.transform(train_texts), train.label_ids(["bad", "good"]))
    assert model.score(words.transform(validation_texts), validation.label_ids(["bad", "good"])) < 0.9
