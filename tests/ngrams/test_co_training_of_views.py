"""Co-training of a head and n-grams on labelled and unlabelled texts."""

import numpy as np
import pytest
import scipy.sparse as sp

from textgraft.model_folder.ngrams import BUCKETS
from textgraft.ngrams.co_training import CoTraining, Views

LABELLED, UNLABELLED = slice(0, 20), slice(100, 400)
WORDS = 12  # of each label, of which a text has three, and one of the other label


def data(labels=2, seed=0):
    """Clusters of vectors that overlap, with words that mostly tell the label; and the labels."""
    random = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(20) % labels, random.integers(0, labels, 380)])
    vectors = random.normal(size=(400, 8), scale=1.5) + np.eye(labels, 8)[targets] * 3
    words = [random.choice(WORDS, 3, replace=False) + WORDS * target for target in targets]
    others = random.integers(0, WORDS * labels, 400)
    columns = np.concatenate([[*own, other] for own, other in zip(words, others, strict=True)])
    counts = sp.csr_matrix((np.ones(1600, np.float32), columns, np.arange(0, 1601, 4)), (400, BUCKETS))
    counts.sum_duplicates()
    return Views(vectors.astype(np.float32), counts), targets


def part(views, rows):
    return Views(views.vectors[rows], views.counts[rows])


def co_training(views, targets, units=1, prior=None, rows=LABELLED):
    return CoTraining(units, part(views, rows), targets[rows], part(views, UNLABELLED), prior)


def accuracy(logits, targets):
    predicted = (logits[:, 0] > 0) if logits.shape[1] == 1 else logits.argmax(axis=1)
    return np.mean(predicted == targets)


@pytest.mark.parametrize(("labels", "units"), [(2, 1), (3, 3)])
def test_both_views_together_are_better_than_the_head_of_few_texts(labels, units):
    views, targets = data(labels)
    fitted = co_training(views, targets, units).fit()
    before = accuracy(fitted.first.outputs(views.vectors), targets)
    assert accuracy(fitted.logits(views), targets) > before + 0.1
    assert accuracy(fitted.ngrams.logits(views.counts), targets) > before
    assert np.mean(fitted.pseudo.labels == targets[UNLABELLED][fitted.pseudo.rows]) > before


def test_result_is_the_same_for_embeddings_of_another_scale():
    views, targets = data()
    scaled = Views(100 * views.vectors, views.counts)
    logits = [co_training(each, targets).fit().logits(each) for each in (views, scaled)]
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-3)


def test_held_out_texts_have_no_part_in_their_heads():
    views, targets = data()
    folds, labelled = np.arange(20) // 2 % 5, part(views, LABELLED)
    folds[:2] = -1
    strategy = co_training(views, targets)
    first, head, ngrams = strategy.held_out(folds, labelled)
    for logits in (first, head, ngrams):
        assert not logits[:2].any()
    rows = folds == 3
    changed = targets.copy()
    changed[LABELLED][rows] = 1 - changed[LABELLED][rows]
    again = co_training(views, changed).held_out(folds, labelled)
    for one, other in zip((first, head, ngrams), again, strict=True):
        np.testing.assert_allclose(one[rows], other[rows], atol=1e-5)


def test_prior_is_reported_and_leads_the_first_answers():
    views, targets = data()
    prior = np.zeros((8, 1))
    prior[:2, 0] = (-1, 1)
    reports = []
    rows = slice(0, 4)
    with_prior = co_training(views, targets, prior=prior, rows=rows).fit(on_prior=reports.append)
    without = co_training(views, targets, rows=rows).fit()
    assert [report.strength > 0 for report in reports] == [True]
    assert accuracy(with_prior.logits(views), targets) > accuracy(without.logits(views), targets)


def test_wrong_prior_is_not_learned():
    views, targets = data()
    prior = np.zeros((8, 1))
    prior[:2, 0] = (1, -1)
    reports = []
    fitted = co_training(views, targets, prior=prior).fit(on_prior=reports.append)
    assert reports[0].strength == 0
    assert accuracy(fitted.logits(views), targets) > 0.8


@pytest.mark.parametrize("labels", [2, 3])
def test_without_labelled_texts_the_prior_gives_the_first_answers(labels):
    views, targets = data(labels)
    units = 1 if labels == 2 else labels
    prior = np.zeros((8, units))
    prior[:labels] = [[-1], [1]] if units == 1 else np.eye(labels)
    none = slice(0, 0)
    fitted = co_training(views, targets, units, prior, none).fit()
    assert accuracy(fitted.logits(views), targets) > accuracy(views.vectors @ prior, targets) + 0.02
    assert accuracy(fitted.logits(views), targets) > 0.85


def test_equal_texts_are_not_told_apart():
    views, targets = data(3)
    equal = Views(np.ones_like(views.vectors), views.counts)
    logits = co_training(equal, targets, 3, np.eye(8, 3), slice(0, 0)).fit().logits(equal)
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() < 10
