"""Kill training runs at random moments, and check what they leave behind and how resumed runs end.

    python -m tools.chaos [--kills 200] [--streams 2] [--seed 0]

Every round starts `textgraft train` with a tiny model, kills it several times with SIGKILL, then lets it finish: the
model, its metrics and its predictions must equal those of an uninterrupted run. Between the kills, the model folder
must be absent, the old one or the new one, and complete, and so must every checkpoint. Then one write after the other
fails, and several processes train into one folder.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from textgraft.storage.verification import verify_folder

ROOT = Path(__file__).parents[1]
TEXTGRAFT = [sys.executable, "-m", "textgraft"]
MAX_KILLS_PER_ROUND = 4
BUSY, CANNOT_WRITE = 7, 5
MAX_REFUSAL_SECONDS = 2.0

# Files at which the disk is full, see tools/full_disk.py.
WRITES = (*map(str, (1, 2, 3, 4, 5, 8, 13, 21, 34, 55)), "model")

_WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]


@dataclass(frozen=True)
class Job:
    """A training command.

    Attributes:
        name: name in the tally.
        options: options of `textgraft train`.
        overwrites: whether it overwrites an older model.
    """

    name: str
    options: tuple[str, ...]
    overwrites: bool = False


JOBS = (
    Job("bert", ("--preset", "./presets/bert")),
    Job("bert over an older model", ("--preset", "./presets/bert", "--hidden", "8", "--overwrite"), overwrites=True),
    Job("bert, frozen", ("--preset", "./presets/bert", "--fine-tune", "none", "--epochs", "20")),
    Job("bert, last block", ("--preset", "./presets/bert", "--fine-tune", "last:1")),
    Job("bert, saved now and then", ("--preset", "./presets/bert", "--epochs", "9", "--save-minutes", "0.002")),
    Job("bert, lora", ("--preset", "./presets/bert", "--fine-tune", "lora:2")),
    Job(
        "word vectors",
        ("--preset", "./presets/words", "--trust-savedmodel", "--optimizer", "adamw", "--batch-size", "8"),
    ),
)


def main() -> None:
    """Run everything, print the tally, and exit with 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--streams", type=int, default=2, help="parallel runs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tally = chaos(Path(name), options.kills, options.streams, options.seed)
    for outcome, count in sorted(tally.items()):
        print(f"{count:5}  {outcome}")
    sys.exit(any("WRONG" in outcome for outcome in tally))


def chaos(
    folder: Path, kills: int, streams: int, seed: int, jobs: Sequence[Job] = JOBS, writes: Sequence[str] = WRITES
) -> Counter[str]:
    """Run everything and count the outcomes; those that must not occur start with WRONG.

    Args:
        folder: an empty working folder.
        kills: minimum number of kills.
        streams: number of parallel runs.
        seed: random seed of the moments.
        jobs: training commands, among which the kills are divided.
        writes: see `fail_writes`.
    """
    make_inputs(folder)
    with ThreadPoolExecutor(streams) as pool:
        parts = [
            pool.submit(_Campaign(folder, job, random.Random(seed + index)).kill, -(-kills // len(jobs)))
            for index, job in enumerate(jobs)
        ]
        tally = sum((part.result() for part in parts), Counter())
    return tally + fail_writes(folder, jobs[0], writes) + compete(folder, jobs[0])


def make_inputs(folder: Path) -> None:
    """Write tiny presets and data into a folder."""
    from tools.make_tiny_presets import make_tiny_bert, make_tiny_word_vectors

    (folder / "presets").mkdir()
    make_tiny_bert(folder / "presets" / "bert", num_layers=2)
    make_tiny_word_vectors(folder / "presets" / "words")
    rng = random.Random(0)
    for name, rows in (("train", 200), ("test", 40)):
        texts = [rng.choices(_WORDS, k=rng.randint(2, 9)) for _ in range(rows)]
        lines = [f"{' '.join(text)},{'yes' if 'good' in text or 'fine' in text else 'no'}" for text in texts]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *lines]) + "\n")


class _Campaign:
    """Rounds of kills of one job."""

    def __init__(self, folder: Path, job: Job, rng: random.Random) -> None:
        self._folder, self._job, self._random = folder, job, rng
        self._out = folder / job.name.replace(" ", "-")
        self._tally: Counter[str] = Counter()

    def kill(self, kills: int) -> Counter[str]:
        self._expected, span = self._run_uninterrupted()
        while self._tally["kills"] < kills:
            planned = self._random.randint(1, MAX_KILLS_PER_ROUND)
            killed = sum(self._kill_once(span) for _ in range(planned))
            self._finish(killed)
        return self._tally

    def _run_uninterrupted(self) -> tuple[str, float]:
        """Fingerprint of an uninterrupted run, and the seconds from its first checkpoint to its end."""
        self._clear()
        process = self._start()
        while not self._run.exists() and process.poll() is None:
            time.sleep(0.005)
        start_time = time.monotonic()
        if process.wait():
            raise RuntimeError(f"{self._job.name}: {process.stderr.read()}")
        span = time.monotonic() - start_time
        return fingerprint(self._out, self._folder), span

    def _kill_once(self, span: float) -> bool:
        """Start, kill and check; False when the run finished first."""
        process = self._start()
        if self._random.random() < 0.9:
            while not (self._run.exists() or self._is_complete) and process.poll() is None:
                time.sleep(0.005)
            time.sleep(self._random.random() * span)
        else:
            time.sleep(self._random.random() * 5)
        killed = process.poll() is None
        process.kill()
        process.wait()
        if killed:
            self._tally["kills"] += 1
            self._check()
        return killed

    def _check(self) -> None:
        building = [*self._run.glob(".*.building.*"), *self._out.parent.glob(f".{self._out.name}.building.*")]
        self._tally["kills while a folder was being written"] += bool(building)
        complete = [*self._run.glob("checkpoint-*")]
        if self._out.exists():
            complete.append(self._out)
        elif self._job.overwrites:
            self._tally["WRONG: the older model is gone"] += 1
        for folder in complete:
            try:
                verify_folder(folder)
            except Exception as error:
                self._tally[f"WRONG: corrupt: {error}"] += 1

    def _finish(self, killed: int) -> None:
        process = self._start()
        error = process.communicate()[1]
        exists = "already exists" in error  # it was killed after the model was complete
        if process.returncode and not exists:
            self._tally[f"WRONG: {self._job.name} ended with {process.returncode}: {error[-300:]}"] += 1
        elif fingerprint(self._out, self._folder) == self._expected:
            self._tally["kills in rounds that ended identically"] += killed
        else:
            self._tally[f"WRONG: {self._job.name} ended differently"] += 1
        leftovers = [path.name for path in self._out.parent.glob(f".{self._out.name}.*")]
        if leftovers or self._run.exists():
            self._tally[f"WRONG: left {leftovers or self._run.name}"] += 1
        self._tally["rounds"] += 1
        self._clear()

    @property
    def _run(self) -> Path:
        return self._out.with_name(f"{self._out.name}.run")

    @property
    def _is_complete(self) -> bool:
        return self._out.exists() and not self._job.overwrites

    def _start(self) -> subprocess.Popen:
        return start(self._folder, self._job, self._out)

    def _clear(self) -> None:
        for path in (self._out, self._run):
            shutil.rmtree(path, ignore_errors=True)
        if self._job.overwrites:
            older = Job("older", ("--preset", "./presets/bert", "--epochs", "1"))
            start(self._folder, older, self._out).communicate()


def start(folder: Path, job: Job, out: Path, prefix: Sequence[str] = TEXTGRAFT) -> subprocess.Popen:
    """Start a job's command."""
    command = [*prefix, "train", "train.csv", "--test", "test.csv", "--out", out.name, "--save-minutes", "1e-6"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "random"}
    return subprocess.Popen(
        [*command, *job.options], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def fingerprint(model: Path, folder: Path) -> str:
    """SHA-256 of a model's weights, metrics and predictions."""
    config = json.loads((model / "config.json").read_text())
    clock = {"seconds", "texts_per_second"}
    metrics = {
        name: {key: value for key, value in part.items() if key not in clock}
        for name, part in config["metrics"].items()
    }
    predicted = subprocess.run(
        [*TEXTGRAFT, "predict", model.name, "test.csv"], cwd=folder, check=True, capture_output=True
    ).stdout
    digest = hashlib.sha256((model / "model.safetensors").read_bytes())
    digest.update(json.dumps(metrics, sort_keys=True).encode())
    digest.update(predicted)
    return digest.hexdigest()


def fail_writes(folder: Path, job: Job, writes: Sequence[str]) -> Counter[str]:
    """Fail a write in each of several runs: one error line each, complete checkpoints, and the same final model.

    Args:
        folder: folder with the inputs.
        job: training command.
        writes: the file of each run at which the disk is full, see `tools/full_disk.py`.
    """
    tally: Counter[str] = Counter()
    out = folder / "full-disk"
    for write in writes:
        process = start(folder, job, out, [sys.executable, str(ROOT / "tools" / "full_disk.py"), write])
        lines = process.communicate()[1].splitlines()
        errors = [line for line in lines if line.startswith("error:") and "bytes are needed" in line]
        tally["failed writes"] += 1
        if process.returncode != CANNOT_WRITE or len(errors) != 1 or out.exists():
            tally[f"WRONG: failed write {write} ended with {process.returncode}: {lines[-1:]}"] += 1
        for checkpoint in out.with_name("full-disk.run").glob("checkpoint-*"):
            verify_folder(checkpoint)
    start(folder, job, out).communicate()
    if fingerprint(out, folder) != _expected(folder, job):
        tally["WRONG: after failed writes it ended differently"] += 1
    return tally


def compete(folder: Path, job: Job, processes: int = 3) -> Counter[str]:
    """Let several processes train into one folder: one trains, the others exit at once."""
    tally: Counter[str] = Counter()
    out = folder / "contested"
    first = start(folder, job, out)
    while not out.with_name(".contested.run.lock").exists():
        time.sleep(0.01)
    for _ in range(processes - 1):
        start_time = time.monotonic()
        other = start(folder, job, out)
        error = other.communicate()[1]
        seconds = time.monotonic() - start_time
        tally["refused processes"] += 1
        if other.returncode != BUSY or "in use by process" not in error or seconds > MAX_REFUSAL_SECONDS:
            tally[f"WRONG: refused with {other.returncode} in {seconds:.1f} s: {error}"] += 1
    first.communicate()
    if fingerprint(out, folder) != _expected(folder, job):
        tally["WRONG: the one that trained ended differently"] += 1
    return tally


def _expected(folder: Path, job: Job) -> str:
    out = folder / "expected"
    if not out.exists():
        start(folder, job, out).communicate()
    return fingerprint(out, folder)


if __name__ == "__main__":
    main()
