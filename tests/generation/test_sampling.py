"""The distribution tokens are drawn from, against the reference implementation's; and the draws."""

import json
from pathlib import Path

import numpy as np
import pytest

from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.sampling import chosen, highest, left

WARPED = json.loads((Path(__file__).parents[1] / "golden" / "generation.json").read_text())["warped"]


@pytest.mark.parametrize("way", WARPED["ways"], ids=lambda way: f"{way['temperature']}-{way['top_k']}-{way['top_p']}")
def test_what_is_left_equals_the_references(way):
    config = GenerationConfig(temperature=way["temperature"], top_k=way["top_k"], top_p=way["top_p"])
    for logits, expected in zip(np.array(WARPED["logits"], np.float32), way["probabilities"], strict=True):
        ids, shares = left(logits, config)
        found = np.zeros(len(logits))
        found[ids] = shares
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_draws_follow_the_distribution():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    random = np.random.default_rng(0)
    config = GenerationConfig(temperature=1.0)
    found = np.bincount([chosen(logits, config, random) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(found, [0.5, 0.3, 0.15, 0.05], atol=0.012)


def test_a_draw_above_the_sum_of_the_shares_takes_the_last_token():
    class Highest:
        def random(self):
            return np.nextafter(1.0, 0.0)

    logits = np.zeros(49, np.float32)
    assert chosen(logits, GenerationConfig(temperature=1.0), Highest()) == 48


def test_greedy_takes_the_first_of_equals():
    assert chosen(np.array([1, 3, 3], np.float32), GenerationConfig(), np.random.default_rng(0)) == 1


def test_highest_is_ordered():
    values = np.random.default_rng(0).permutation(100)
    assert values[highest(values, 7)].tolist() == [99, 98, 97, 96, 95, 94, 93]
    assert len(highest(values, 1000)) == 100


@pytest.mark.parametrize(
    ("given", "warmth"),
    [
        ({}, 0),
        ({"top_k": 5}, 1),
        ({"top_p": 0.9}, 1),
        ({"temperature": 0.3}, 0.3),
        ({"top_k": 5, "penalty_alpha": 1}, 0),
    ],
)
def test_what_no_temperature_stands_for(given, warmth):
    assert GenerationConfig(**given).warmth == warmth


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1"),
        ({"num_beams": 0}, "num_beams must be at least 1"),
        ({"temperature": -1}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"top_k": -1}, "top_k must be at least 0"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1"),
        ({"penalty_alpha": 2}, "penalty_alpha must be between"),
        ({"stop": ("",)}, "empty string"),
        ({"num_beams": 2, "top_k": 4}, "beam search draws no tokens"),
        ({"num_beams": 2, "penalty_alpha": 0.5}, "take one"),
        ({"penalty_alpha": 0.5, "temperature": 1}, "contrastive search draws no tokens"),
        ({"temperature": 0, "top_p": 0.5}, "temperature 0 draws no tokens"),
    ],
)
def test_what_does_not_go_together_is_one_line(given, message):
    with pytest.raises(ConfigError, match=message):
        GenerationConfig(**given)
