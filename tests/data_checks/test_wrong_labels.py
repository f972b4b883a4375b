"""Labels that look wrong: categories, sets of labels and spans."""

import numpy as np

import textgraft as tg
from tests.data_checks.test_checks import TOPICS, texts_about
from textgraft.data.dataset import Dataset
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.confident_learning import doubtful_labels
from textgraft.data_checks.doubtful_spans import doubtful_spans
from textgraft.data_checks.quick_model import TEXT_FOLDS, assign_text_folds

FLIPPED = [7, 60, 121, 188]


def doubtful(data):
    (finding,) = tg.check_data(data).of_kind("doubtful labels")
    return finding


def test_confident_contradictions_come_first():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.45, 0.55], [0.2, 0.8], [0.1, 0.9]])
    ranked = doubtful_labels(probabilities, np.array([0, 0, 0, 0, 1, 1]))
    assert ranked.order[:2].tolist() == [2, 3]
    assert ranked.total == 1
    assert ranked.likely.tolist() == [1, 1, 1, 1, 0, 0]


def test_equal_texts_have_one_fold_and_labels_are_spread():
    texts, targets = np.array([0, 1, 2, 0, *range(3, 99)]), np.array([0, 1] * 50)
    folds = assign_text_folds(texts, targets, 0)
    assert folds[0] == folds[3]
    for label in (0, 1):
        assert np.bincount(folds[targets == label], minlength=TEXT_FOLDS).min() >= 9


def test_flipped_categories_are_found():
    texts, labels = texts_about(200)
    for row in FLIPPED:
        labels[row] = "money" if labels[row] == "sport" else "sport"
    finding = doubtful(Dataset.from_lists(texts, labels, "data.csv"))
    assert {row.row for row in finding.rows[:4]} == set(FLIPPED)
    assert "rather" in finding.rows[0].reason


def test_labels_that_no_model_can_predict_are_not_searched():
    texts, labels = texts_about(200)
    finding = doubtful(Dataset.from_lists(texts, np.random.default_rng(0).permutation(labels).tolist(), "data.csv"))
    assert finding.count == 0
    assert "wrong labels were not searched: a quick model is right on" in finding.message


def test_missing_and_wrong_labels_of_sets_are_found():
    texts, labels = texts_about(200)
    sets = [[label, "all"] if index % 2 else [label] for index, label in enumerate(labels)]
    for row in FLIPPED:
        sets[row] = []
    sets[40], sets[90] = ["money", "sport"], ["money", "sport"]
    finding = doubtful(Dataset.from_lists(texts, sets, "sets"))
    reasons = {row.row: row.reason for row in finding.rows}
    assert set(reasons) <= {*FLIPPED, 40, 90}
    assert len(reasons) >= 4
    assert all("is probably missing" in reasons[row] for row in FLIPPED if row in reasons)
    assert all("label money is probably wrong" in reasons[row] for row in (40, 90) if row in reasons)


def test_missing_and_shortened_spans_and_wrong_labels_are_found():
    generator = np.random.default_rng(0)
    names = {"PER": ["Anna", "Boris", "Clara"], "LOC": ["Rome", "Paris", "Oslo"]}
    texts, tags = [], []
    for _ in range(150):
        words, row = ["the", *generator.choice(TOPICS["money"].split(), 3), "said"], ["O"] * 5
        for label, values in names.items():
            words += ["in" if label == "LOC" else "by", str(generator.choice(values))]
            row += ["O", f"B-{label}"]
        texts.append([str(word) for word in words])
        tags.append(row)
    texts[20], tags[20] = [*texts[20], "near", "Anna", "Boris"], [*tags[20], "O", "B-PER", "O"]
    for row in range(21, 60):
        texts[row], tags[row] = [*texts[row], "near", "Anna", "Boris"], [*tags[row], "O", "B-PER", "I-PER"]
    tags[10] = ["O"] * 9
    tags[33] = [tag.replace("PER", "LOC") for tag in tags[33]]
    report = tg.check_data(TaggedDataset.from_lists(texts, tags))
    reasons = {
        kind: {row.row: row.reason for finding in report.of_kind(f"doubtful {kind}") for row in finding.rows}
        for kind in ("labels", "bounds", "spans")
    }
    assert {kind: set(rows) for kind, rows in reasons.items()} == {"labels": {33}, "bounds": {20}, "spans": {10}}
    assert "is LOC, rather PER" in reasons["labels"][33]
    assert "the word 'Boris' beside 'Anna' (PER) is rather a part of it" in reasons["bounds"][20]
    assert "is outside of spans, rather" in reasons["spans"][10]


def test_entities_that_the_model_misses_are_not_doubtful_for_that():
    generator = np.random.default_rng(0)
    texts = generator.choice(TOPICS["money"].split(), (200, 8)).tolist()
    tags = np.where(generator.random((200, 8)) < 0.05, "B-X", "O").tolist()
    spans = doubtful_spans(TaggedDataset.from_lists(texts, tags), np.arange(200), 0)
    assert spans.recall < 0.1
    assert sum(ranking.total for ranking in spans[:3]) < 10
    ratios = [doubt.ratio for doubt in spans.spans.ranked]
    assert len(ratios) > 50
    assert ratios == sorted(ratios)
