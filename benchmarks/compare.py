"""Compare textgraft with its peers.

    python -m benchmarks.compare [--jobs ...] [--peers ...] [--seeds ...] [--hours H] [--again]

Runs that are stored for this machine are not repeated without `--again`. The others run one after the other, each in
its own process tree.
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

from benchmarks import machine
from benchmarks.comparison import jobs, roster, store, table
from benchmarks.comparison.jobs import JOBS, Job
from benchmarks.comparison.roster import PEERS, ROOT, MissingEnvironmentError, Peer
from benchmarks.report import data_folder, require_data

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TEXTGRAFT_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def main() -> None:
    """Run, store and rebuild the page; exit with status 1 when a peer failed or could not run."""
    arguments = _arguments()
    require_data()
    machine.require_all_instructions()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for job in (JOBS[name] for name in arguments.jobs):
            for seed in job.seeds if arguments.seeds is None else arguments.seeds:
                folder = Path(name) / f"{job.name}-{seed}"
                peers = [peer for peer in job.peers() if peer.name in arguments.peers]
                failed |= not _run_job(job, seed, peers, arguments, folder)
    table.main()
    sys.exit(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare textgraft with its peers.")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="default: those of the job")
    parser.add_argument("--hours", type=float, default=2.0, help="time limit of a run (default: %(default)g)")
    parser.add_argument("--again", action="store_true", help="repeat stored runs too, such as with a new textgraft")
    return parser.parse_args()


def _run_job(job: Job, seed: int, peers: list[Peer], arguments: argparse.Namespace, folder: Path) -> bool:
    """Run the peers without a stored result, or all with `--again`; False when one of them failed."""
    records, succeeded = [] if arguments.again else store.read(), True
    task: dict[str, object] = {}
    for peer in peers:
        try:
            run = {"job": job.name, "peer": peer.name, "seed": seed, "machine": machine.name()}
            run["versions"] = roster.versions(peer)
        except MissingEnvironmentError as error:
            print(error, file=sys.stderr, flush=True)
            succeeded = False
            continue
        if store.is_stored(records, run, arguments.hours):
            continue
        task = task or _prepare(job, seed, folder)
        figures = _measure(peer, jobs.write_for(peer, task, folder), arguments.hours)
        succeeded &= figures is not None
        if figures:
            record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **run, **figures}
            print(json.dumps(record), flush=True)
            store.append(record)
    return succeeded


def _prepare(job: Job, seed: int, folder: Path) -> dict[str, object]:
    folder.mkdir()
    module = folder / "module" if job.hub_module else None
    if module:
        tool = [sys.executable, str(ROOT / "tools" / "make_hub_module.py"), str(module), "--normalize"]
        subprocess.run([*tool, "--words", str(data_folder() / job.data / "train.parquet")], check=True)
    return jobs.write(job, seed, folder, module)


def _measure(peer: Peer, job_file: Path, hours: float) -> dict[str, Any] | None:
    """The peer's figures; {"stopped_hours": hours} when it took longer, None when it failed."""
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
