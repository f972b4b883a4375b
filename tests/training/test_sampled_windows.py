"""Long texts: each training epoch draws some of their windows, prediction reads all."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.tasks.texts import as_batches
from textgraft.training.examples import Examples
from textgraft.training.windows import SampledWindows

LENGTH, MAX_WINDOWS = 16, 3
TEXTS = ["the film was good", "good " * 20, "a plot , " * 50, "the film was " * 30 + "bad", "bad"] * 2
FIT = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "keep_reference": 0}
SLOW = [
    pytest.param("tiny_bert", config, marks=pytest.mark.slow)
    for config in ({}, {"fine_tune": "last:1"}, {"fine_tune": "lora:2"})
]


def data():
    return tg.Dataset.from_lists(TEXTS, ["good", "good", "bad", "bad", "bad"] * 2)


def classifier(preset, max_windows=MAX_WINDOWS):
    model = tg.TextClassifier(
        preset, ["bad", "good"], precision="float32", truncation="windows", sequence_length=LENGTH
    )
    model.backbone.training_defaults = replace(model.backbone.training_defaults, batch_tokens=max_windows * LENGTH)
    return model


@pytest.fixture
def sampled(tiny_word_vectors):
    model = classifier(tiny_word_vectors)
    tokens = model.tokenize(as_batches(TEXTS))
    return SampledWindows(Examples(tokens, np.arange(len(TEXTS))), tokens.windows, MAX_WINDOWS, seed=1)


def windows(examples, row):
    (found,) = examples.batch(np.array([row]))[0].to_list()
    return found


def is_within(some, whole):
    rest = iter(whole)
    return all(one in rest for one in some)


def test_batch_has_at_most_max_windows_in_order(sampled):
    whole = sampled.inputs.batch(np.arange(len(TEXTS))).to_list()
    batch, targets = sampled.batch(np.array([3, 0, 2]))
    np.testing.assert_array_equal(targets, [3, 0, 2])
    for found, row in zip(batch.to_list(), [3, 0, 2], strict=True):
        assert len(found) == min(MAX_WINDOWS, len(whole[row]))
        assert is_within(found, whole[row])
    assert sampled.sampled == 4
    assert batch.flat_values.shape[0] <= sampled.lengths[[3, 0, 2]].sum()
    assert sampled.spec[0].is_compatible_with(batch)


def test_texts_with_few_windows_are_complete(sampled):
    rows = np.array([0, 1, 4])
    assert sampled.batch(rows)[0].to_list() == sampled.inputs.batch(rows).to_list()


def test_windows_are_a_function_of_the_epoch(sampled):
    drawn = []
    for epoch in range(20):
        sampled.start_epoch(epoch)
        drawn.append(windows(sampled, 3))
        assert windows(sampled, 3) == drawn[-1]
    whole = sampled.inputs.batch(np.array([3])).to_list()[0]
    assert all(window in [one for found in drawn for one in found] for window in whole)
    sampled.start_epoch(7)
    sampled.batch(np.arange(len(TEXTS)))
    assert windows(sampled, 3) == drawn[7]


@pytest.mark.parametrize(("preset", "config"), [("tiny_word_vectors", {}), *SLOW], ids=str)
def test_training_steps_see_at_most_max_windows(request, preset, config):
    model, callback, seen = classifier(request.getfixturevalue(preset)), RecordingCallback(), []
    mean_over_windows = model._mean_over_windows

    def watched(function, batch, width, training):
        if training:
            tf.py_function(lambda counts: seen.extend(counts.numpy()), [batch.row_lengths()], [])
        return mean_over_windows(function, batch, width, training)

    model._mean_over_windows = watched
    model.fit(data(), validation=data(), callbacks=callback, **config, **FIT)
    assert max(seen) == MAX_WINDOWS
    assert [line for line in callback.messages if line.startswith(f"4 texts have more than {MAX_WINDOWS} windows")]


def test_no_message_where_all_windows_fit(tiny_word_vectors):
    model, callback = classifier(tiny_word_vectors, max_windows=64), RecordingCallback()
    model.fit(data(), validation=data(), callbacks=callback, **FIT)
    assert not [line for line in callback.messages if "windows" in line]


@pytest.mark.parametrize(("preset", "config"), [("tiny_word_vectors", {}), *SLOW], ids=str)
@pytest.mark.slow
def test_resumed_run_ends_as_an_uninterrupted_one(request, tmp_path, preset, config):
    assert_resume_changes_nothing(
        lambda: classifier(request.getfixturevalue(preset)),
        lambda model, callback, run: model.fit(
            data(), validation=data(), callbacks=callback, checkpoints=run, **{**FIT, "epochs": 2}, **config
        ),
        after=4,
        folder=tmp_path / "run",
    )


def test_plan_counts_steps_and_tokens(tiny_word_vectors):
    model = classifier(tiny_word_vectors)
    plan = model.plan(data(), validation=data(), **FIT)
    assert plan.steps == FIT["epochs"] * 3
    assert plan.tokens["train"] == model.tokenize(as_batches(TEXTS)).lengths.sum()
