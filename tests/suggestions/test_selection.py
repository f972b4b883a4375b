"""Doubtful texts that differ from each other are chosen, and teach a model more than random ones."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from textgraft.suggestions.near_duplicates import NearDuplicates
from textgraft.suggestions.selection import select_informative

LABELS, DIM, POOL, TEST, ROUND = 6, 16, 1000, 1500, 50


def accept(row):
    return True


def residuals_of(probabilities):
    residuals = probabilities.copy()
    residuals[np.arange(len(residuals)), probabilities.argmax(axis=1)] -= 1
    return residuals


def test_certain_answers_are_not_chosen():
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [0.6, 0.4], [0.0, 1.0]])
    vectors = np.eye(4, dtype=np.float32)
    assert sorted(select_informative(vectors, residuals_of(probabilities), 4, 0, accept)) == [0, 2]


def test_each_row_and_its_copies_are_chosen_once():
    random = np.random.default_rng(0)
    vectors = np.repeat(random.normal(size=(5, 8)).astype(np.float32), 20, axis=0)
    residuals = np.repeat(random.normal(size=(5, 3)), 20, axis=0)
    chosen = select_informative(vectors, residuals, 50, 0, accept)
    assert sorted(row // 20 for row in chosen) == [0, 1, 2, 3, 4]


def test_rows_that_are_not_accepted_are_replaced():
    random = np.random.default_rng(0)
    vectors, residuals = random.normal(size=(40, 8)).astype(np.float32), random.normal(size=(40, 3))
    chosen = select_informative(vectors, residuals, 20, 0, lambda row: row % 2 == 0)
    assert sorted(chosen) == list(range(0, 40, 2))
    assert select_informative(vectors, residuals, 20, 0, accept) == select_informative(
        vectors, residuals, 20, 0, accept
    )
    assert select_informative(vectors, residuals, 20, 0, accept) != select_informative(
        vectors, residuals, 20, 1, accept
    )


@pytest.mark.parametrize("rows", [0, 3])
def test_pool_without_gradients_has_nothing_to_choose(rows):
    assert select_informative(np.zeros((rows, 4), np.float32), np.zeros((rows, 2)), 2, 0, accept) == []


def test_fewer_labels_reach_the_accuracy_of_all():
    """Texts of six labels, four of them rare and in several groups: 2 points below all labels need 40 % of them."""
    random = np.random.default_rng(3)
    centres = 1.6 * random.normal(size=(18, DIM))
    groups = random.choice(18, POOL + TEST, p=np.repeat([0.12, 0.12, 0.03, 0.03, 0.02, 0.01333], 3) / 0.99999)
    vectors = (centres[groups] + 1.3 * random.normal(size=(POOL + TEST, DIM))).astype(np.float32)
    labels = groups // 3
    full = accuracy(vectors, labels, np.arange(POOL))
    needed = {chooses: labels_needed(vectors, labels, full - 0.02, chooses) for chooses in (True, False)}
    assert needed[True] <= 0.4 * POOL
    assert needed[False] >= 1.5 * needed[True]


def classifier(vectors, labels, rows):
    return LogisticRegression(C=1.0, max_iter=60).fit(vectors[rows], labels[rows])


def accuracy(vectors, labels, rows):
    return classifier(vectors, labels, rows).score(vectors[POOL:], labels[POOL:])


def labels_needed(vectors, labels, goal, chooses):
    """The number of labels, in rounds, with which the goal is reached: those chosen, or random ones."""
    order = np.random.default_rng(0).permutation(POOL)
    labelled = order[:ROUND]
    while accuracy(vectors, labels, labelled) < goal:
        others = np.setdiff1d(order, labelled)
        if chooses:
            model = classifier(vectors, labels, labelled)
            probabilities = np.zeros((len(others), LABELS))
            probabilities[:, model.classes_] = model.predict_proba(vectors[others])
            chosen = others[select_informative(vectors[others], residuals_of(probabilities), ROUND, 0, accept)]
        else:
            chosen = order[len(labelled) : len(labelled) + ROUND]
        labelled = np.concatenate([labelled, chosen])
    return len(labelled)


def test_near_duplicates_share_most_sequences_of_words():
    texts = NearDuplicates()
    words = [f"word{index}" for index in range(40)]
    assert texts.add(" ".join(words).encode())
    assert not texts.add("  ".join(words).upper().encode())
    assert not texts.add(" ".join([*words, "more"]).encode())
    assert texts.add(" ".join(words[20:] + words[:10]).encode())
    assert texts.add(b"short text")
    assert texts.add(b"short, text")
    assert texts.add(b"")
