"""Texts of very many windows: an epoch trains on some of them, prediction reads all."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.tasks.texts import as_batches
from textgraft.training.examples import Examples
from textgraft.training.windows import SampledWindows

LENGTH, MOST = 16, 3
TEXTS = ["the film was good", "good " * 20, "a plot , " * 50, "the film was " * 30 + "bad", "bad"] * 2
FIT = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3}
WAYS = [{}, *(pytest.param({"fine_tune": way}, marks=pytest.mark.slow) for way in ("last:1", "lora:2"))]


def data():
    return tg.Dataset.from_lists(TEXTS, ["good", "good", "bad", "bad", "bad"] * 2)


def classifier(preset, most=MOST):
    model = tg.TextClassifier(
        preset, ["bad", "good"], precision="float32", truncation="windows", sequence_length=LENGTH
    )
    model.backbone.training_defaults = replace(model.backbone.training_defaults, batch_tokens=most * LENGTH)
    return model


@pytest.fixture
def sampled(tiny_bert):
    model = classifier(tiny_bert)
    tokens = model.tokenize(as_batches(TEXTS))
    return SampledWindows(Examples(tokens, np.arange(len(TEXTS))), tokens.windows, MOST, seed=1)


def windows(examples, row):
    (found,) = examples.batch(np.array([row]))[0].to_list()
    return found


def is_within(some, whole):
    rest = iter(whole)
    return all(one in rest for one in some)


def test_as_many_as_are_allowed_in_their_order(sampled):
    whole = sampled.inputs.batch(np.arange(len(TEXTS))).to_list()
    batch, targets = sampled.batch(np.array([3, 0, 2]))
    np.testing.assert_array_equal(targets, [3, 0, 2])
    for found, row in zip(batch.to_list(), [3, 0, 2], strict=True):
        assert len(found) == min(MOST, len(whole[row]))
        assert is_within(found, whole[row])
    assert sampled.sampled == 4
    assert batch.flat_values.shape[0] <= sampled.lengths[[3, 0, 2]].sum()
    assert sampled.spec[0].is_compatible_with(batch)


def test_texts_of_few_windows_are_whole(sampled):
    rows = np.array([0, 1, 4])
    assert sampled.batch(rows)[0].to_list() == sampled.inputs.batch(rows).to_list()


def test_an_epoch_has_its_own_windows_whatever_came_before(sampled):
    drawn = []
    for epoch in range(60):
        sampled.start_epoch(epoch)
        drawn.append(windows(sampled, 3))
        assert windows(sampled, 3) == drawn[-1]
    whole = sampled.inputs.batch(np.array([3])).to_list()[0]
    assert all(window in [one for found in drawn for one in found] for window in whole)
    sampled.start_epoch(7)
    sampled.batch(np.arange(len(TEXTS)))
    assert windows(sampled, 3) == drawn[7]


@pytest.mark.parametrize("config", WAYS, ids=str)
def test_no_step_sees_more(tiny_bert, config):
    model, callback, seen = classifier(tiny_bert), RecordingCallback(), []
    of_texts = model._of_texts

    def watched(batch, give, width, training):
        if training:
            tf.py_function(lambda counts: seen.extend(counts.numpy()), [batch.row_lengths()], [])
        return of_texts(batch, give, width, training)

    model._of_texts = watched
    model.fit(data(), data(), callback, **config, **FIT)
    assert max(seen) == MOST
    assert [line for line in callback.messages if line.startswith(f"4 texts have more than {MOST} windows")]


def test_nothing_is_said_where_all_fit(tiny_bert):
    model, callback = classifier(tiny_bert, most=64), RecordingCallback()
    model.fit(data(), data(), callback, **FIT)
    assert not [line for line in callback.messages if "windows" in line]


@pytest.mark.parametrize("config", WAYS, ids=str)
def test_cut_and_resumed(tiny_bert, tmp_path, config):
    assert_resume_changes_nothing(
        lambda: classifier(tiny_bert),
        lambda model, callback, run: model.fit(data(), data(), callback, run, **config, **FIT),
        after=4,
        folder=tmp_path / "run",
    )


def test_a_plan_counts_the_steps_it_would_make(tiny_bert):
    model = classifier(tiny_bert)
    plan = model.plan(data(), data(), **FIT)
    assert plan.steps == FIT["epochs"] * 3
    assert plan.tokens["train"] == model.tokenize(as_batches(TEXTS)).lengths.sum()
