"""A short `make chaos`: real kills, full disks, competing processes."""

import pytest
from tools.chaos import JOBS, chaos

BERT, *_, WORD_VECTORS = JOBS


@pytest.mark.parametrize(
    ("jobs", "num_kills", "writes"),
    [
        ((BERT,), 2, ("3",)),
        pytest.param((BERT, WORD_VECTORS), 6, ("3", "model"), marks=pytest.mark.slow),
    ],
    ids=["short", "long"],
)
def test_killed_runs_resume_identically(tmp_path, jobs, num_kills, writes):
    tally = chaos(tmp_path, num_kills, streams=2, seed=1, jobs=jobs, writes=writes)
    assert not [outcome for outcome in tally if "WRONG" in outcome], tally
    assert tally["kills"] >= num_kills
    assert tally["kills in rounds that ended identically"] == tally["kills"]
    assert tally["refused processes"] == 2
    assert tally["failed writes"] == len(writes)
