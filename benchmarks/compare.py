"""textgraft beside its peers: `python -m benchmarks.compare [--jobs ...] [--peers ...] [--seeds ...] [--hours H]`.

What is stored is not run again; what is asked for is run one after the other, each peer in a process tree of its own.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.comparison import jobs, roster, store, table
from benchmarks.comparison.jobs import JOBS, Job
from benchmarks.comparison.roster import PEERS, ROOT, MissingEnvironmentError, Peer
from benchmarks.report import data_folder

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TEXTGRAFT_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def main() -> None:
    """Run what is asked for, store it, rebuild the page; end with status 1 when a peer failed or could not run."""
    asked = _arguments()
    if not data_folder().is_dir():
        sys.exit(
            f"the data sets are not at {data_folder()}; set TEXTGRAFT_DATA to the folder that holds imdb/, trec/ ..."
        )
    went_wrong = False
    with tempfile.TemporaryDirectory() as name:
        for job in (JOBS[name] for name in asked.jobs):
            for seed in job.seeds if asked.seeds is None else asked.seeds:
                folder = Path(name) / f"{job.name}-{seed}"
                peers = [peer for peer in job.peers() if peer.name in asked.peers]
                went_wrong |= not _run_job(job, seed, peers, asked.hours, folder)
    table.main()
    sys.exit(went_wrong)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare textgraft with its peers.")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="the job's own by default")
    parser.add_argument("--hours", type=float, default=2.0, help="the longest a run may take (default: %(default)g)")
    return parser.parse_args()


def _run_job(job: Job, seed: int, peers: list[Peer], hours: float, folder: Path) -> bool:
    """Run the peers that have no stored result; False when one of them could not."""
    records, all_well = store.read(), True
    given: dict[str, object] = {}
    for peer in peers:
        try:
            run = {"job": job.name, "peer": peer.name, "seed": seed, "machine": store.machine()}
            run["versions"] = roster.versions(peer)
        except MissingEnvironmentError as error:
            print(error, file=sys.stderr, flush=True)
            all_well = False
            continue
        if store.is_stored(records, run, hours):
            continue
        given = given or _prepare(job, seed, folder)
        figures = _measure(peer, jobs.write_for(peer, given, folder), hours)
        all_well &= figures is not None
        if figures:
            record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **run, **figures}
            print(json.dumps(record), flush=True)
            store.append(record)
    return all_well


def _prepare(job: Job, seed: int, folder: Path) -> dict[str, object]:
    folder.mkdir()
    module = folder / "module" if job.hub_module else None
    if module:
        tool = [sys.executable, str(ROOT / "tools" / "make_hub_module.py"), str(module), "--normalize"]
        subprocess.run([*tool, "--words", str(data_folder() / job.data / "train.parquet")], check=True)
    return jobs.write(job, seed, folder, module)


def _measure(peer: Peer, job_file: Path, hours: float) -> dict[str, Any] | None:
    """The peer's figures, {"stopped_hours"} when it took longer than `hours`, or None when it failed."""
    command = [roster.interpreter(peer), "-m", f"benchmarks.peers.{peer.name}", job_file]
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, **_QUIET, "TMPDIR": scratch, "HF_HOME": scratch, "TEXTGRAFT_CACHE": scratch}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            output, log = process.communicate(timeout=hours * 3600)
        except subprocess.TimeoutExpired:
            print(f"{peer.name}: stopped after {hours:g} hours", file=sys.stderr, flush=True)
            return {"stopped_hours": hours}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        print(f"{peer.name} failed:\n{log[-3000:]}", file=sys.stderr, flush=True)
        return None
    return dict(json.loads(output.splitlines()[-1]))


if __name__ == "__main__":
    main()
