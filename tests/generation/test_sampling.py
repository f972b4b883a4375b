"""The sampling distribution equals that of Hugging Face transformers; sampled tokens follow it."""

import json
from pathlib import Path

import numpy as np
import pytest

from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.search import choose_token, sampling_distribution, top_indices

WARPED = json.loads((Path(__file__).parents[1] / "golden" / "generation.json").read_text())["warped"]


@pytest.mark.parametrize(
    "case", WARPED["ways"], ids=lambda case: f"{case['temperature']}-{case['top_k']}-{case['top_p']}"
)
def test_distribution_equals_transformers(case):
    config = GenerationConfig(temperature=case["temperature"], top_k=case["top_k"], top_p=case["top_p"])
    for logits, expected in zip(np.array(WARPED["logits"], np.float32), case["probabilities"], strict=True):
        ids, probabilities = sampling_distribution(logits, config)
        distribution = np.zeros(len(logits))
        distribution[ids] = probabilities
        np.testing.assert_allclose(distribution, expected, rtol=1e-5, atol=1e-8)


def test_sampled_tokens_follow_the_distribution():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    random = np.random.default_rng(0)
    config = GenerationConfig(temperature=1.0)
    shares = np.bincount([choose_token(logits, config, random) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.15, 0.05], atol=0.012)


def test_random_number_above_the_sum_of_probabilities_selects_the_last_token():
    class Highest:
        def random(self):
            return np.nextafter(1.0, 0.0)

    logits = np.zeros(49, np.float32)
    assert choose_token(logits, GenerationConfig(temperature=1.0), Highest()) == 48


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(5e-324, [0, 1, 0]), (1e-40, [0, 1, 0]), (1e300, [1 / 3] * 3), (float("inf"), [1 / 3] * 3)],
)
def test_distribution_is_one_at_extreme_temperatures(temperature, expected):
    logits = np.array([1, 3, -2e30], np.float32)
    ids, probabilities = sampling_distribution(logits, GenerationConfig(temperature=temperature))
    np.testing.assert_allclose(probabilities[np.argsort(ids)], expected)


def test_greedy_selects_the_first_of_equal_logits():
    assert choose_token(np.array([1, 3, 3], np.float32), GenerationConfig(), np.random.default_rng(0)) == 1


def test_top_indices_are_in_descending_order():
    values = np.random.default_rng(0).permutation(100)
    assert values[top_indices(values, 7)].tolist() == [99, 98, 97, 96, 95, 94, 93]
    assert len(top_indices(values, 1000)) == 100


@pytest.mark.parametrize(
    ("options", "temperature"),
    [
        ({}, 0),
        ({"top_k": 5}, 1),
        ({"top_p": 0.9}, 1),
        ({"temperature": 0.3}, 0.3),
        ({"top_k": 5, "penalty_alpha": 1}, 0),
    ],
)
def test_default_temperature_depends_on_top_k_and_top_p(options, temperature):
    assert GenerationConfig(**options).sampling_temperature == temperature


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1"),
        ({"num_beams": 0}, "num_beams must be at least 1"),
        ({"temperature": -1}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"top_k": -1}, "top_k must be at least 0"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1"),
        ({"penalty_alpha": 2}, "penalty_alpha must be between"),
        ({"stop": ("",)}, "empty string"),
        ({"stop": "Yours"}, r"stop must be a list, not 'Yours'; write \['Yours'\]"),
        ({"num_beams": 2, "top_k": 4}, "beam search does not sample"),
        ({"num_beams": 2, "penalty_alpha": 0.5}, "exclude each other"),
        ({"penalty_alpha": 0.5, "temperature": 1}, "contrastive search does not sample"),
        ({"penalty_alpha": 0.5, "temperature": 0, "top_p": 0.5}, "contrastive search does not sample"),
        ({"temperature": 0, "top_p": 0.5}, "temperature 0 does not sample"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        GenerationConfig(**options)
