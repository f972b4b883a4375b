"""A short `make chaos`: real kills, errors of the disk, competing processes."""

import pytest
from tools.chaos import chaos
from tools.chaos.job import WRONG
from tools.chaos.jobs import EXPORT, PREDICT, TRAIN, TRAIN_WORDS


@pytest.mark.slow
def test_killed_commands_end_identically(tmp_path):
    num_kills, faults = 8, ("ENOSPC write@checkpoint:2", "EIO rename@.model.building:2")
    tally = chaos(tmp_path, num_kills, streams=2, seed=1, jobs=(TRAIN, TRAIN_WORDS, PREDICT, EXPORT), faults=faults)
    assert not [outcome for outcome in tally if WRONG in outcome], tally
    assert tally["kills"] >= num_kills
    assert tally["kills in rounds that ended identically"] == tally["kills"]
    assert tally["refused processes"] == 2
    assert tally["failed calls"] == len(faults)
