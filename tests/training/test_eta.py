"""The time left, from steps of any size."""

import pytest

from textgraft.training.progress import EtaEstimator


def pace(*steps):
    counted = EtaEstimator()
    for tokens, seconds in steps:
        counted.add(tokens, seconds)
    return counted


def test_a_line_over_the_tokens_is_found():
    counted = pace(*((tokens, 0.03 + 0.001 * tokens) for tokens in (100, 400, 250)))
    assert counted.of(10, 5000) == pytest.approx(0.3 + 5)


def test_steps_of_one_size_count_alone():
    assert pace((100, 0.2), (100, 0.4)).of(10, 1000) == pytest.approx(3)


def test_longer_steps_that_took_less_time_are_noise():
    assert pace((100, 0.4), (200, 0.2)).of(10, 1500) == pytest.approx(3)


def test_a_step_never_costs_less_than_nothing():
    counted = pace((100, 0.1), (200, 0.4))
    assert counted.of(10, 1500) == pytest.approx(1500 * 0.5 / 300)
