"""Kill commands that write at random moments, and check what they leave behind and how they end.

    python -m tools.chaos [--kills 200] [--streams 2] [--seed 0] [--only tune] [--keep FOLDER]

Every round starts a command with a tiny model and kills it several times, by SIGKILL, SIGTERM or SIGINT, then lets it
finish: its result must equal that of an uninterrupted run, and nothing else may be left. Between the kills, what has a
final name must be absent, the older or the new one, and complete, and so must every checkpoint. Then system calls fail
in several runs, and several processes train into one folder.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tools.chaos import chaos
from tools.chaos.faults import FAULTS
from tools.chaos.job import WRONG
from tools.chaos.jobs import JOBS


def main() -> None:
    """Run everything, print the tally, and exit with 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--streams", type=int, default=2, help="parallel runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="a word in the names of the jobs to kill; may be repeated")
    parser.add_argument("--keep", type=Path, help="a new folder that keeps the files of all runs")
    options = parser.parse_args()
    jobs = [job for job in JOBS if not options.only or any(word in job.name for word in options.only)]
    faults = () if options.only else FAULTS
    start_time = time.monotonic()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        tally = chaos(folder, options.kills, options.streams, options.seed, jobs, faults)
    for outcome, count in sorted(tally.items()):
        print(f"{count:5}  {outcome}")
    print(f"{time.monotonic() - start_time:.0f} s")
    sys.exit(any(WRONG in outcome for outcome in tally))


if __name__ == "__main__":
    main()
