"""The contrastive loss, compared with its definition."""

import numpy as np
import pytest
import tensorflow as tf

from textgraft.training.contrastive import contrastive_losses

TEMPERATURE = 0.1


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def defined_losses(targets, vectors, anchors=None):
    """The definition (Khosla et al., 2020, L_out), in loops."""
    others = unit(vectors) if anchors is None else np.concatenate([unit(vectors), anchors])
    labels = targets if anchors is None else np.concatenate([targets, np.arange(len(anchors))])
    losses = []
    for row, vector in enumerate(unit(vectors)):
        powers = np.exp(others @ vector / TEMPERATURE)
        compared = [other for other in range(len(others)) if other != row]
        positives = [other for other in compared if labels[other] == targets[row]]
        total = powers[compared].sum()
        losses.append(-np.mean([np.log(powers[other] / total) for other in positives]) if positives else 0.0)
    return losses


@pytest.mark.parametrize("with_anchors", [False, True])
def test_losses_are_those_of_the_definition(with_anchors):
    random = np.random.default_rng(0)
    targets, vectors = np.array([0, 1, 0, 2, 1, 0], np.int32), random.normal(size=(6, 5)).astype(np.float32)
    anchors = unit(random.normal(size=(3, 5))).astype(np.float32) if with_anchors else None
    losses = contrastive_losses(tf.constant(targets), tf.constant(vectors), anchors)
    np.testing.assert_allclose(losses, defined_losses(targets, vectors, anchors), rtol=1e-5)
    assert (losses[3] == 0) == (not with_anchors)  # the only text of its label


@pytest.mark.parametrize("rows", [1, 2])
def test_gradients_are_finite_for_vectors_of_zero_and_single_texts(rows):
    vectors = tf.Variable(tf.zeros((rows, 4)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(contrastive_losses(tf.zeros(rows, tf.int32), vectors))
    assert np.isfinite(tape.gradient(loss, vectors)).all()
    assert loss == 0
