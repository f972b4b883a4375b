"""Batches contain every row once, in an order that depends on seed and epoch, with similar lengths together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import padding_share, shuffled_batches
from textgraft.training.inference import batches_by_length
from textgraft.training.optimizer import learning_rates

lengths_of = st.lists(st.integers(0, 600), min_size=1, max_size=300).map(np.array)


@given(lengths_of, st.integers(1, 40), st.integers(0, 9), st.integers(0, 3))
def test_every_row_is_in_one_batch(lengths, batch_size, seed, epoch):
    batches = shuffled_batches(lengths, batch_size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert max(map(len, batches)) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)


def test_order_is_a_function_of_seed_and_epoch():
    lengths = np.random.default_rng(0).integers(1, 300, 1000)

    def order(seed, epoch):
        return np.concatenate(shuffled_batches(lengths, 16, seed, epoch)).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_rows_of_similar_length_share_a_batch():
    lengths = np.random.default_rng(0).integers(1, 300, 4000)
    assert padding_share(lengths, shuffled_batches(lengths, 16, 0, 0)) < 0.05


def test_padding_is_a_share_of_all_tokens():
    lengths = np.array([1, 3, 2, 2])
    assert padding_share(lengths, [np.array([0, 1]), np.array([2, 3])]) == pytest.approx(2 / 10)
    assert padding_share(lengths, []) == 0


def test_padding_of_reviews_is_small(real_data):
    """IMDb at 256 tokens, as minilm splits it."""
    import textgraft as tg
    from textgraft.tasks.texts import as_batches

    reviews = tg.load_dataset(real_data / "imdb", split="train[:4%]", label="label")
    lengths = tg.TextEmbedder("minilm", sequence_length=256).tokenize(as_batches(reviews)).lengths
    assert padding_share(lengths, shuffled_batches(lengths, 16, 0, 0)) < 0.05


def test_batch_order_is_independent_of_length():
    lengths = np.random.default_rng(0).integers(1, 300, 20_000)
    means = [lengths[rows].mean() for rows in shuffled_batches(lengths, 16, 0, 0)]
    correlation = np.corrcoef(np.arange(len(means)), means)[0, 1]
    assert abs(correlation) < 0.1


@given(lengths_of, st.integers(1, 5000), st.integers(1, 64))
def test_inference_batches_respect_their_limits(lengths, tokens, max_rows):
    batches = list(batches_by_length(lengths, tokens, max_rows))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) <= max_rows
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= tokens


def test_no_rows_give_no_batches():
    assert list(batches_by_length(np.empty(0, np.int64), 10, 10)) == []


@pytest.mark.parametrize("warmup", [0, 3])
def test_learning_rate_rises_and_falls(warmup):
    config = TrainingConfig(learning_rate=1.0, warmup=warmup / 10, schedule="linear")
    rates = learning_rates(config, 10).tolist()
    assert rates[10] == 0
    assert max(rates) == rates[max(warmup - 1, 0)] == 1
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
