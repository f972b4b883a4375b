"""Masked examples: the share, choice and replacement of tokens, as a function of seed, epoch and row."""

import numpy as np
import pytest

from textgraft.training.corpus import MaskedExamples, Masking
from textgraft.training.token_ids import TokenIds, TruncationCount

MASK, NEVER, TOKENS = 4, (0, 1, 2, 3, 4), 1000


def examples(lengths=(50,) * 40, seed=0, ids=None):
    lengths = np.array(lengths)
    if ids is None:
        ids = np.random.default_rng(1).integers(5, TOKENS, lengths.sum()).astype(np.int32)
        ids[np.cumsum(lengths) - lengths] = 2
        ids[np.cumsum(lengths) - 1] = 3
    return MaskedExamples(
        TokenIds(np.array(ids, np.int32), lengths, TruncationCount()), Masking(MASK, NEVER, TOKENS, seed)
    )


def drawn(found, rows=None):
    """Rows as they are shown, positions, and what is there, as lists."""
    (shown, positions), targets = found.batch(np.arange(len(found)) if rows is None else np.array(rows))
    return [one.to_list() for one in (shown, positions, targets)]


def test_unmasked_tokens_are_unchanged_and_masked_ones_are_targets():
    found = examples()
    whole = [row.tolist() for row in np.split(found.inputs.ids, np.cumsum(found.lengths)[:-1])]
    for row, shown, positions, targets in zip(whole, *drawn(found), strict=True):
        assert targets == [row[place] for place in positions]
        assert not {2, 3} & set(targets)
        assert [token for place, token in enumerate(shown) if place not in positions] == [
            token for place, token in enumerate(row) if place not in positions
        ]
        assert positions == sorted(set(positions))


def test_fifteen_percent_and_at_least_one_token_are_masked():
    found = examples([2, 3, 4, 12, 52, 102])
    assert found.weights.tolist() == [0, 1, 1, 2, 8, 15]
    assert [len(row) for row in drawn(found)[1]] == found.weights.tolist()


def test_eighty_percent_are_masked_ten_replaced_and_ten_unchanged():
    found = examples([102] * 800)
    shown, positions, targets = drawn(found)
    seen = np.concatenate([np.array(row)[places] for row, places in zip(shown, positions, strict=True)])
    true = np.concatenate(targets)
    masked, same = (seen == MASK).mean(), (seen == true).mean()
    error = 3 * np.sqrt(0.16 / len(seen))
    assert masked == pytest.approx(0.8, abs=error)
    assert same == pytest.approx(0.1, abs=error)
    others = seen[(seen != MASK) & (seen != true)]
    assert others.min() < 20
    assert others.max() > TOKENS - 20


def test_masks_are_a_function_of_seed_epoch_and_row():
    found, again = examples(), examples()
    first = drawn(found)
    found.start_epoch(0)
    epochs = []
    for epoch in range(3):
        found.start_epoch(epoch)
        epochs.append(drawn(found))
    assert first[1] != epochs[0][1] != epochs[1][1] != epochs[2][1] != first[1]
    assert drawn(again) == first
    again.start_epoch(2)
    assert drawn(again) == epochs[2]
    # Whatever other rows are in the batch.
    for number, part in enumerate(drawn(again, [7, 3])):
        assert part == [epochs[2][number][7], epochs[2][number][3]]
    assert drawn(examples(seed=1)) != first


def test_every_position_is_masked_in_some_epoch():
    found, seen = examples([12]), set()
    for epoch in range(60):
        found.start_epoch(epoch)
        seen |= set(drawn(found)[1][0])
    assert seen == set(range(1, 11))


def test_sampled_rows_are_evenly_spaced():
    found = examples(ids=np.repeat(np.arange(5, 25), 4), lengths=[4] * 20)
    assert found.sample(3).inputs.ids.tolist() == np.repeat([5, 15, 24], 4).tolist()
    assert found.sample(20).inputs.ids.tolist() == found.inputs.ids.tolist()
