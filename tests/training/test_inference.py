"""Outputs of many rows: their order, errors, and an interruption between two batches."""

import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from textgraft.training.inference import compute_outputs
from textgraft.training.ragged import Ragged


class Numbers:
    """Rows of equal numbers; a row's number is its index."""

    def __init__(self, lengths):
        self.lengths = np.array(lengths)
        self._rows = Ragged(np.repeat(np.arange(len(lengths)), lengths), self.lengths)

    def batch(self, rows):
        return self._rows[rows].tensor()


def first_numbers(batch):
    return tf.cast(tf.reduce_max(batch, axis=1), tf.float32)


def test_outputs_have_the_order_of_the_rows():
    lengths = np.random.default_rng(0).integers(1, 9, 200)
    np.testing.assert_array_equal(compute_outputs(first_numbers, Numbers(lengths), 16), np.arange(200))


def test_two_batches_are_computed_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)

    def meet(batch):
        if int(batch[0, 0]):  # the first batch is computed alone
            meeting.wait()
        return first_numbers(batch)

    np.testing.assert_array_equal(compute_outputs(meet, Numbers([4] * 5), 4), np.arange(5))


def test_first_batch_is_computed_by_the_calling_thread():
    threads = []

    def record(batch):
        threads.append(threading.current_thread())
        return first_numbers(batch)

    compute_outputs(record, Numbers([4] * 5), 4)
    assert threads[0] is threading.current_thread()
    assert threading.current_thread() not in threads[1:]


def test_error_of_a_later_batch_is_raised():
    def fail(batch):
        if int(batch[0, 0]) == 3:
            raise ValueError("batch 3")
        return first_numbers(batch)

    with pytest.raises(ValueError, match="batch 3"):
        compute_outputs(fail, Numbers([4] * 9), 4)


def test_nothing_is_computed_after_an_interruption():
    computed = []

    def slow(batch):
        computed.append(int(batch[0, 0]))
        time.sleep(0.02)
        return first_numbers(batch)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_outputs(slow, Numbers([4] * 50), 4, interrupt)
    count = len(computed)
    time.sleep(0.1)
    assert len(computed) == count <= 3
