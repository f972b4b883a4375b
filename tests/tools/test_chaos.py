"""A few minutes of what `make chaos` does for longer: real kills, full disks, processes that compete."""

from tools.chaos import JOBS, chaos

KILLS = 4


def test_nothing_is_lost_and_nothing_differs(tmp_path):
    bert, *_, word_vectors = JOBS
    tally = chaos(tmp_path, KILLS, streams=2, seed=1, jobs=(bert, word_vectors), writes=("3", "model"))
    assert not [what for what in tally if "WRONG" in what], tally
    assert tally["kills"] >= KILLS
    assert tally["kills in rounds that ended identically"] == tally["kills"]
    assert tally["processes that gave way"] == 2
    assert tally["failed writes"] == 2
