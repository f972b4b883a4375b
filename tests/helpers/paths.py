"""Folders that tests read."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
# Real data sets beside the project; tests that need them skip where they are absent.
REAL_DATA = TESTS.parents[1] / "shared" / "data"
