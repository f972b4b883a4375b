"""docs/comparison.md and the table in README.md, rebuilt from the stored results.

python -m benchmarks.comparison.table
"""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks import machine
from benchmarks.comparison import figures, markdown, picture_files, speed, store
from benchmarks.comparison.jobs import JOBS, Job
from benchmarks.comparison.roster import ENVIRONMENTS, PEERS, ROOT, Peer
from benchmarks.comparison.store import Record

PATH, README = ROOT / "docs" / "comparison.md", ROOT / "README.md"

_HEAD = """\
# Comparison with other libraries

`make bench` runs the missing measurements and rebuilds this page from `benchmarks/results/compare.jsonl`;
`python -m benchmarks.compare --jobs JOB --peers PEER --seeds SEED` runs a part. Every peer is a file of
`benchmarks/peers/` and runs in its own process, one after the other, on the same rows and test texts.

Peers with a transformer use the same MiniLM weights and the first 256 tokens of each text; textgraft's default for
a frozen network, [windows](measurements.md#windows), was not run yet. Fine-tuning runs for 3 epochs, except SetFit,
which runs its default of one epoch over all pairs of texts, and textgraft on few texts, which by default runs at
least 100 steps from a head initialized by logistic regression. All other settings are the defaults of each library,
including the precision: textgraft uses bfloat16 if the processor supports it, the others compute in float32.
textgraft holds out 10 % of the training rows to select the epoch, and with 300 or more of them fits n-grams of the
whole texts beside the network; the others train on all rows, as does textgraft's frozen network with at most 2,000.
NBSVM runs without the interpolation of weights towards their mean that its paper describes; the interpolation gains
two points with 16 and 64 reviews, and loses five with 1,000.

Accuracy is the mean over the seeds, with the minimum and the maximum in parentheses; the seed determines the training
rows and the training. Seconds and CPU seconds cover everything from rows in memory to a trained model, including the
loading of pretrained weights, without imports; "training" is the library's fit call, where a peer reports it. Texts/s
is the speed of the first prediction, MiB the peak memory of the process. Ratios in parentheses are textgraft's figure
divided by the peer's, over the seeds that both have run. The last column is the day of the runs: versions of textgraft
between two releases have the same number. Runs before 2026-11-28 did not record the generation of the EPYC; it is the
one whose speed they have: sentence-transformers embedded 31 reviews/s then, 30 on Zen 5 and 22 on Zen 4.
"""
_SPEED = """\
## Speed

How many times as fast as another library textgraft is, the seconds of both, and the day of textgraft's run: of training
without loading, and of the first prediction of a process. [Speed by processor](measurements.md#speed-by-processor) has
shorter measurements, also on other processors.
"""
_FIGURES = {
    "fit_seconds": "seconds",
    "training_seconds": "training",
    "cpu_seconds": "CPU seconds",
    "texts_per_second": "texts/s",
    "peak_mib": "MiB",
}
_COLUMNS = ("peer", "seeds", "accuracy", *_FIGURES.values(), "compared with", "date")


def build(records: Iterable[Record]) -> str:
    """The page, built from stored records."""
    current = store.latest(records)
    machines = sorted({record["machine"] for record in current}, key=machine.order_of)
    by_machine = {name: [record for record in current if record["machine"] == name] for name in machines}
    sections = [_machine(name, runs) for name, runs in by_machine.items()]
    return "\n".join([_HEAD, *_processors(by_machine), _SPEED, *speed.lines(current), "", *sections, _peers()])


def main() -> None:
    """Write the page and the table."""
    records = store.read()
    PATH.write_text(build(records), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(markdown.replace_block(readme, "speed", speed.lines(records)), encoding="utf-8")


def _processors(by_machine: Mapping[str, list[Record]]) -> list[str]:
    """A table of the machines, and of the kinds of processors without one."""
    rows = [
        [machine.kind_of(name), name, figures.dates(runs), _jobs_without(runs) or "none"]
        for name, runs in by_machine.items()
    ]
    rows += [[kind, "", "not run", "all"] for kind in speed.missing_kinds(by_machine)]
    return ["## Processors\n", *markdown.table(["processor", "machine", "dates", "jobs not run"], rows), ""]


def _jobs_without(records: Iterable[Record]) -> str:
    run = {record["job"] for record in records}
    return "; ".join(job.title for job in JOBS.values() if job.name not in run)


def _machine(name: str, records: list[Record]) -> str:
    title = f"## {name}\n\nVersions: {_versions(records)}.\n"
    picture = (
        [f"![Accuracy over CPU seconds]({picture_files.path(name).name})\n"] if picture_files.shown(records) else []
    )
    of_job = [(job, [record for record in records if record["job"] == job.name]) for job in JOBS.values()]
    return "\n".join([title, *picture, *(_job(job, runs) for job, runs in of_job if runs)])


def _versions(records: Iterable[Record]) -> str:
    pairs = {pair for record in records for pair in record["versions"].items()}
    return ", ".join(f"{package} {version}" for package, version in sorted(pairs))


def _job(job: Job, records: list[Record]) -> str:
    rows = {peer.name: [r for r in records if r["peer"] == peer.name] for peer in PEERS.values()}
    present = [peer for peer in PEERS.values() if figures.finished(rows[peer.name])]
    lines = [f"### {job.title}\n"]
    if present:
        tested = max(record["test_rows"] for record in figures.finished(records))
        lines += [f"Tested on {tested:,} texts.\n", *markdown.table(_COLUMNS, (_cells(peer, rows) for peer in present))]
        lines += [""]
    absent = {peer: _absence_reason(peer, job, rows[peer.name]) for peer in PEERS.values() if peer not in present}
    return "\n".join([*lines, *_absent(absent)])


def _cells(peer: Peer, rows: dict[str, list[Record]]) -> list[str]:
    runs = figures.finished(rows[peer.name])
    ours = figures.finished(rows.get(peer.reference or "", []))
    accuracy = [record["accuracy"] for record in runs]
    spread = f" ({min(accuracy):.3f} to {max(accuracy):.3f})" if len(accuracy) > 1 else ""
    cells = [_figure(name, runs, ours) for name in _FIGURES]
    against = PEERS[peer.reference].title if peer.reference and ours else ""
    mean = f"{figures.mean('accuracy', runs):.3f}{spread}"
    return [peer.title, str(len(runs)), mean, *cells, against, figures.dates(runs)]


def _absent(reasons: Mapping[Peer, str]) -> list[str]:
    """One line per reason, with the peers that it applies to."""
    grouped: dict[str, list[str]] = {}
    for peer, reason in reasons.items():
        grouped.setdefault(reason, []).append(peer.title)
    return [*(f"- {', '.join(titles)}: {reason}" for reason, titles in grouped.items()), ""] if grouped else []


def _absence_reason(peer: Peer, job: Job, records: Sequence[Record]) -> str:
    if peer.name in job.excluded:
        return f"excluded, {job.excluded[peer.name]}"
    stopped = [record["stopped_hours"] for record in records if "stopped_hours" in record]
    return f"stopped after {max(stopped):g} hours" if stopped else "not run yet"


def _figure(name: str, records: list[Record], ours: list[Record]) -> str:
    records, ours = (figures.with_figure(name, side) for side in (records, ours))
    if not records:
        return ""
    text = figures.rounded(figures.mean(name, records))
    mine, theirs = figures.shared_seeds(ours, records)
    return f"{text} ({figures.ratio(figures.mean(name, mine), figures.mean(name, theirs))})" if mine else text


def _peers() -> str:
    rows = (
        (peer.title, f"`benchmarks/peers/{peer.name}.py`", f"`make {ENVIRONMENTS[peer.environment][1]}`")
        for peer in PEERS.values()
    )
    return "\n".join(["## Peers\n", *markdown.table(("peer", "file", "environment"), rows), ""])


if __name__ == "__main__":
    main()
