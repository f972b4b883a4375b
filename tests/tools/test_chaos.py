"""A short `make chaos`: real kills, full disks, competing processes."""

import pytest
from tools.chaos import JOBS, chaos

BERT, *_, WORD_VECTORS = JOBS


@pytest.mark.slow
def test_killed_runs_resume_identically(tmp_path):
    num_kills, writes = 6, ("3", "model")
    tally = chaos(tmp_path, num_kills, streams=2, seed=1, jobs=(BERT, WORD_VECTORS), writes=writes)
    assert not [outcome for outcome in tally if "WRONG" in outcome], tally
    assert tally["kills"] >= num_kills
    assert tally["kills in rounds that ended identically"] == tally["kills"]
    assert tally["refused processes"] == 2
    assert tally["failed writes"] == len(writes)
