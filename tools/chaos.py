"""Kill whole training runs at random moments, and look at what is left and at how they end.

    python -m tools.chaos [--kills 200] [--streams 2] [--seed 0]

Every round starts `textgraft train` with a tiny model, kills it with SIGKILL some times, then lets it finish: the
model, its metrics and its predictions must be those of a run that nobody touched. Between the kills, the model folder
must be absent, the old one or the new one, and whole; and so must the newest checkpoint. Then writes are made to fail,
one after the other, and several processes are let loose on one folder.
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

from textgraft.storage.manifest import verify_folder

ROOT = Path(__file__).parents[1]
TEXTGRAFT = [sys.executable, "-m", "textgraft"]
MOST_KILLS_IN_A_ROUND = 4
BUSY, CANNOT_WRITE = 7, 5
SECONDS_TO_GIVE_WAY = 2.0

# Files that meet a full disk, see tools/full_disk.py.
WRITES = (*map(str, (1, 2, 3, 4, 5, 8, 13, 21, 34, 55)), "model")

_WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]


@dataclass(frozen=True)
class Job:
    """A training command.

    Attributes:
        name: for the tally.
        options: of `textgraft train`.
        renewed: whether an older model is there, to be overwritten.
    """

    name: str
    options: tuple[str, ...]
    renewed: bool = False


JOBS = (
    Job("bert", ("--preset", "./presets/bert")),
    Job("bert over an older model", ("--preset", "./presets/bert", "--hidden", "8", "--overwrite"), renewed=True),
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
    """Run all of it, print the tally, and leave with 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--streams", type=int, default=2, help="runs at a time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tally = chaos(Path(name), options.kills, options.streams, options.seed)
    for what, count in sorted(tally.items()):
        print(f"{count:5}  {what}")
    sys.exit(any("WRONG" in what for what in tally))


def chaos(
    folder: Path, kills: int, streams: int, seed: int, jobs: Sequence[Job] = JOBS, writes: Sequence[str] = WRITES
) -> Counter[str]:
    """What happened, counted; whatever should not have happened has WRONG in its name.

    Args:
        folder: empty; everything takes place there.
        kills: at least so many.
        streams: runs at a time.
        seed: of the moments.
        jobs: what is run; the kills are dealt out among them.
        writes: see `fail_writes`.
    """
    make_inputs(folder)
    with ThreadPoolExecutor(streams) as pool:
        parts = [
            pool.submit(_Campaign(folder, job, random.Random(seed + number)).kill, -(-kills // len(jobs)))
            for number, job in enumerate(jobs)
        ]
        tally = sum((part.result() for part in parts), Counter())
    return tally + fail_writes(folder, jobs[0], writes) + compete(folder, jobs[0])


def make_inputs(folder: Path) -> None:
    """Write tiny presets and data into a folder."""
    from tools.make_tiny_presets import make_tiny_bert, make_tiny_word_vectors

    (folder / "presets").mkdir()
    make_tiny_bert(folder / "presets" / "bert")
    make_tiny_word_vectors(folder / "presets" / "words")
    rng = random.Random(0)
    for name, rows in (("train", 200), ("test", 40)):
        texts = [rng.choices(_WORDS, k=rng.randint(2, 9)) for _ in range(rows)]
        lines = [f"{' '.join(text)},{'yes' if 'good' in text or 'fine' in text else 'no'}" for text in texts]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *lines]) + "\n")


class _Campaign:
    """Rounds of one job."""

    def __init__(self, folder: Path, job: Job, rng: random.Random) -> None:
        self._folder, self._job, self._random = folder, job, rng
        self._out = folder / job.name.replace(" ", "-")
        self._tally: Counter[str] = Counter()

    def kill(self, kills: int) -> Counter[str]:
        self._expected, span = self._untouched()
        while self._tally["kills"] < kills:
            planned = self._random.randint(1, MOST_KILLS_IN_A_ROUND)
            killed = sum(self._killed_once(span) for _ in range(planned))
            self._finish(killed)
        return self._tally

    def _untouched(self) -> tuple[str, float]:
        """What the run ends with, and the seconds from its first checkpoint to its end."""
        self._clear()
        process = self._start()
        while not self._run.exists() and process.poll() is None:
            time.sleep(0.005)
        began = time.monotonic()
        if process.wait():
            raise RuntimeError(f"{self._job.name}: {process.stderr.read()}")
        span = time.monotonic() - began
        return fingerprint(self._out, self._folder), span

    def _killed_once(self, span: float) -> bool:
        """Start, kill, and look; False when the run was faster."""
        process = self._start()
        if self._random.random() < 0.9:
            while not (self._run.exists() or self._settled) and process.poll() is None:
                time.sleep(0.005)
            time.sleep(self._random.random() * span)
        else:
            time.sleep(self._random.random() * 5)
        killed = process.poll() is None
        process.kill()
        process.wait()
        if killed:
            self._tally["kills"] += 1
            self._look()
        return killed

    def _look(self) -> None:
        building = [*self._run.glob(".*.building.*"), *self._out.parent.glob(f".{self._out.name}.building.*")]
        self._tally["kills while a folder was being written"] += bool(building)
        whole = [*self._run.glob("checkpoint-*")]
        if self._out.exists():
            whole.append(self._out)
        elif self._job.renewed:
            self._tally["WRONG: the older model is gone"] += 1
        for folder in whole:
            try:
                verify_folder(folder)
            except Exception as error:
                self._tally[f"WRONG: corrupt: {error}"] += 1

    def _finish(self, killed: int) -> None:
        process = self._start()
        error = process.communicate()[1]
        exists = "already exists" in error  # it was killed after the model was in place
        if process.returncode and not exists:
            self._tally[f"WRONG: {self._job.name} ended with {process.returncode}: {error[-300:]}"] += 1
        elif fingerprint(self._out, self._folder) == self._expected:
            self._tally["kills in rounds that ended identically"] += killed
        else:
            self._tally[f"WRONG: {self._job.name} ended otherwise"] += 1
        leftovers = [path.name for path in self._out.parent.glob(f".{self._out.name}.*")]
        if leftovers or self._run.exists():
            self._tally[f"WRONG: left {leftovers or self._run.name}"] += 1
        self._tally["rounds"] += 1
        self._clear()

    @property
    def _run(self) -> Path:
        return self._out.with_name(f"{self._out.name}.run")

    @property
    def _settled(self) -> bool:
        return self._out.exists() and not self._job.renewed

    def _start(self) -> subprocess.Popen:
        return start(self._folder, self._job, self._out)

    def _clear(self) -> None:
        for path in (self._out, self._run):
            shutil.rmtree(path, ignore_errors=True)
        if self._job.renewed:
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
    """Let one start after the other meet a full disk: one line each, a whole checkpoint, and the same end.

    Args:
        folder: with the inputs.
        job: what is run.
        writes: at which file of each start the disk is full, see `tools/full_disk.py`.
    """
    tally: Counter[str] = Counter()
    out = folder / "full-disk"
    for write in writes:
        process = start(folder, job, out, [sys.executable, str(ROOT / "tools" / "full_disk.py"), write])
        lines = process.communicate()[1].splitlines()
        said = [line for line in lines if line.startswith("error:") and "bytes are needed" in line]
        tally["failed writes"] += 1
        if process.returncode != CANNOT_WRITE or len(said) != 1 or out.exists():
            tally[f"WRONG: failed write {write} ended with {process.returncode}: {lines[-1:]}"] += 1
        for checkpoint in out.with_name("full-disk.run").glob("checkpoint-*"):
            verify_folder(checkpoint)
    start(folder, job, out).communicate()
    if fingerprint(out, folder) != _expected(folder, job):
        tally["WRONG: after failed writes it ended otherwise"] += 1
    return tally


def compete(folder: Path, job: Job, processes: int = 3) -> Counter[str]:
    """Let several processes train into one folder: one does, the others leave at once."""
    tally: Counter[str] = Counter()
    out = folder / "contested"
    first = start(folder, job, out)
    while not out.with_name(".contested.run.lock").exists():
        time.sleep(0.01)
    for _ in range(processes - 1):
        began = time.monotonic()
        other = start(folder, job, out)
        error = other.communicate()[1]
        seconds = time.monotonic() - began
        tally["processes that gave way"] += 1
        if other.returncode != BUSY or "in use by process" not in error or seconds > SECONDS_TO_GIVE_WAY:
            tally[f"WRONG: gave way with {other.returncode} in {seconds:.1f} s: {error}"] += 1
    first.communicate()
    if fingerprint(out, folder) != _expected(folder, job):
        tally["WRONG: the one that trained ended otherwise"] += 1
    return tally


def _expected(folder: Path, job: Job) -> str:
    out = folder / "expected"
    if not out.exists():
        start(folder, job, out).communicate()
    return fingerprint(out, folder)


if __name__ == "__main__":
    main()
