"""Kill commands that write at random moments, and check what they leave behind and how they end."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.chaos.campaign import Campaign
from tools.chaos.faults import Faults
from tools.chaos.job import Job
from tools.chaos.jobs import TRAIN, make_inputs
from tools.chaos.processes import Starter


def chaos(
    folder: Path, kills: int, streams: int, seed: int, jobs: Sequence[Job], faults: Sequence[str]
) -> Counter[str]:
    """Run everything and count the outcomes; those that must not occur begin with WRONG.

    Args:
        folder: an empty working folder.
        kills: minimum number of kills.
        streams: number of parallel runs.
        seed: random seed of the moments.
        jobs: commands, among which the kills are divided.
        faults: of `Faults.fail_calls`; without any, no processes compete either.
    """
    starter = Starter(folder / "scratch")
    make_inputs(folder / "inputs", starter)
    campaigns = [Campaign(folder, job, starter, seed + index) for index, job in enumerate(jobs)]
    with ThreadPoolExecutor(streams) as pool:
        tally = sum(pool.map(lambda campaign: campaign.run(-(-kills // len(jobs))), campaigns), Counter[str]())
    if not faults:
        return tally
    training = Faults(folder, TRAIN, starter)
    return tally + training.fail_calls(faults) + training.compete()
