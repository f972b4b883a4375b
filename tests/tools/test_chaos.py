"""A short `make chaos`: real kills, full disks, competing processes."""

from tools.chaos import JOBS, chaos

KILLS = 4


def test_killed_runs_resume_identically(tmp_path):
    bert, *_, word_vectors = JOBS
    tally = chaos(tmp_path, KILLS, streams=2, seed=1, jobs=(bert, word_vectors), writes=("3", "model"))
    assert not [outcome for outcome in tally if "WRONG" in outcome], tally
    assert tally["kills"] >= KILLS
    assert tally["kills in rounds that ended identically"] == tally["kills"]
    assert tally["refused processes"] == 2
    assert tally["failed writes"] == 2
