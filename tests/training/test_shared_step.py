"""Workers that share the steps of a run end with the weights of one process, and the run can resume with others."""

import os
import subprocess
import sys

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.paths import TESTS
from tests.helpers.resuming import RecordingCallback, assert_same_state, final_state
from tests.helpers.reviews import reviews
from tests.helpers.workers import run_workers
from textgraft.training.step import split_step

FIT = {"epochs": 2, "batch_size": 7, "learning_rate": 1e-2, "keep_reference": 0}


def classifier(preset, **options):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32", **{"dropout": 0.3, **options})


class LossCallback(RecordingCallback):
    """Also records the loss of the epoch after each step."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.losses = []

    def on_step_end(self, step):
        self.losses.append(step.metrics["loss"])
        super().on_step_end(step)


def train(make, data, workers, checkpoints=None, callback=None, **options):
    """The trained model of some workers, and the losses."""
    callback, options = callback or LossCallback(), {**FIT, **options}

    def lead(chief):
        model = make()
        model.fit(
            data(),
            validation=data(),
            callbacks=callback,
            progress=False,
            checkpoints=checkpoints,
            chief=chief if workers > 1 else None,
            **options,
        )
        return model

    def follow(follower):
        make().follow(follower, data(), validation=data(), **options)

    return run_workers(workers, lead, follow), callback.losses


def assert_equal_runs(make, data, workers=(1, 2), **options):
    (alone, losses), (shared, shared_losses) = (train(make, data, number, **options) for number in workers)
    assert shared_losses == losses
    assert_same_state(final_state(shared), final_state(alone))


def test_two_workers_train_as_one(tiny_word_vectors):
    assert_equal_runs(lambda: classifier(tiny_word_vectors), reviews, step_parts=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "workers", "model", "fit"),
    [
        ("tiny_bert", 2, {}, {"epochs": 13}),  # 52 steps
        ("tiny_word_vectors", 2, {}, {"epochs": 13}),
        ("tiny_bert", 3, {}, {}),
        ("tiny_bert", 3, {}, {"batch_tokens": 16}),  # parts by tokens
        ("tiny_bert", 2, {}, {"optimizer": "adamw", "weight_decay": 0.1, "clip_norm": 0.01}),
        ("tiny_bert", 2, {}, {"contrastive": True}),
        ("tiny_bert", 2, {}, {"balance": "oversample"}),
        ("tiny_bert", 2, {}, {"fine_tune": "lora:2"}),
        ("tiny_bert", 2, {}, {"recompute": True}),
        ("two_layer_bert", 2, {}, {"gradual_unfreezing": True, "layer_decay": 0.8}),
    ],
    ids=str,
)
def test_workers_train_as_one(request, preset, workers, model, fit):
    preset = request.getfixturevalue(preset)
    assert_equal_runs(lambda: classifier(preset, **model), reviews, (1, workers), **{"step_parts": 2, **fit})


_TWO_DEVICES = """
import sys
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
import textgraft as tg
from tests.helpers.reviews import reviews
from tests.helpers.workers import run_workers

fit = {"epochs": 2, "batch_size": 7, "learning_rate": 1e-2, "step_parts": 2}
devices = set()

def make():
    return tg.TextClassifier(sys.argv[1], ["bad", "good"], precision="float32", dropout=0.3)

def lead(chief=None):
    with tf.device("CPU:0"):
        model = make()
        model.fit(reviews(), validation=reviews(), progress=False, chief=chief, **fit)
    return [weight.numpy() for weight in model.weights.values()]

def follow(follower):
    with tf.device("CPU:1"):
        model = make()
        devices.update(weight.value.device.rpartition("/")[2] for weight in model.weights.values())
        model.follow(follower, reviews(), validation=reviews(), **fit)

alone, shared = lead(), run_workers(2, lead, follow)
assert devices == {"device:CPU:1"}, devices
assert all(np.array_equal(*pair) for pair in zip(alone, shared, strict=True))
"""


@pytest.mark.slow
def test_two_logical_devices_train_as_one(tiny_bert):
    command = [sys.executable, "-c", _TWO_DEVICES, str(tiny_bert)]
    subprocess.run(command, check=True, cwd=TESTS.parent, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def test_step_is_split_as_by_one_process_unless_parts_are_asked_for():
    lengths = np.array([3, 9, 5, 4])
    assert [part.tolist() for part in split_step(lengths, 100, 1)] == [[1, 2, 3, 0]]
    assert [part.tolist() for part in split_step(lengths, 18, 1)] == [[1, 2], [3, 0]]


@pytest.mark.parametrize(
    ("rows", "max_tokens", "parts", "sizes"),
    [
        (6, 100, 2, [3, 3]),
        (7, 100, 3, [3, 2, 2]),
        (7, 20, 2, [4, 3]),
        (6, 10, 2, [2, 2, 1, 1]),  # three parts of two rows are not a multiple of 2
        (2, 100, 4, [1, 1]),  # no part is empty
        (3, 1, 2, [1, 1, 1]),
    ],
)
def test_number_of_parts_is_a_multiple(rows, max_tokens, parts, sizes):
    split = split_step(np.full(rows, 5), max_tokens, parts)
    assert [len(part) for part in split] == sizes
    assert sorted(np.concatenate(split)) == list(range(rows))
