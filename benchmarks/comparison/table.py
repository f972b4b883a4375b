"""docs/comparison.md, rebuilt from the stored results: `python -m benchmarks.comparison.table`."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.comparison import store
from benchmarks.comparison.jobs import JOBS, Job
from benchmarks.comparison.roster import ENVIRONMENTS, PEERS, Peer
from benchmarks.comparison.store import Record

PATH = Path(__file__).parents[2] / "docs" / "comparison.md"

_HEAD = """\
# Comparison with other libraries

`make bench` runs the missing measurements and rebuilds this page from `benchmarks/results/compare.jsonl`;
`python -m benchmarks.compare --jobs JOB --peers PEER --seeds SEED` runs a part. Every peer is a file of
`benchmarks/peers/` and runs in its own process, one after the other, on the same rows and test texts.

Peers with a transformer use the same MiniLM weights and the first 256 tokens of each text. Fine-tuning runs for 3
epochs, except SetFit, which runs its default of one epoch over all pairs of texts, and textgraft on few texts, which
by default runs at least 100 steps from a head initialized by logistic regression. All other settings are the defaults
of each library, including the precision: textgraft uses bfloat16 if the processor supports it, the others compute in
float32. textgraft holds out 10 % of the training rows to select the epoch; the others train on all rows. NBSVM runs
without the interpolation of weights towards their mean that its paper describes; the interpolation gains two points
with 16 and 64 reviews, and loses five with 1,000.

Accuracy is the mean over the seeds, with the minimum and the maximum in parentheses; the seed determines the training
rows and the training. Seconds and CPU seconds cover everything from rows in memory to a trained model, including the
loading of pretrained weights, without imports; "training" is the library's fit call, where a peer reports it. Texts/s
is the speed of the first prediction, MiB the peak memory of the process. Ratios in parentheses are textgraft's figure
divided by the peer's, over the seeds that both have run.

![Accuracy over CPU seconds](comparison.svg)
"""
_FIGURES = {
    "fit_seconds": "seconds",
    "training_seconds": "training",
    "cpu_seconds": "CPU seconds",
    "texts_per_second": "texts/s",
    "peak_mib": "MiB",
}
_COLUMNS = ("peer", "seeds", "accuracy", *_FIGURES.values(), "compared with")


def build(records: Iterable[Record]) -> str:
    """The page, built from stored records."""
    current = store.latest(records)
    machines = sorted({record["machine"] for record in current}) or [None]
    return "\n".join(
        [_HEAD, *(_machine(name, [r for r in current if r["machine"] == name]) for name in machines), _peers()]
    )


def main() -> None:
    """Write the page."""
    PATH.write_text(build(store.read()), encoding="utf-8")


def _machine(name: str | None, records: list[Record]) -> str:
    title = f"## {name or 'No machine yet'}\n\nVersions: {_versions(records) or 'none yet'}.\n"
    of_job = [(job, [record for record in records if record["job"] == job.name]) for job in JOBS.values()]
    missing = [job.title for job, runs in of_job if not runs]
    sections = [_job(job, runs) for job, runs in of_job if runs]
    return "\n".join([title, *sections, *([f"Not run yet: {'; '.join(missing)}.\n"] if missing else [])])


def _versions(records: Iterable[Record]) -> str:
    pairs = {pair for record in records for pair in record["versions"].items()}
    return ", ".join(f"{package} {version}" for package, version in sorted(pairs))


def _job(job: Job, records: list[Record]) -> str:
    rows = {peer.name: [r for r in records if r["peer"] == peer.name] for peer in PEERS.values()}
    finished = [peer for peer in PEERS.values() if _finished(rows[peer.name])]
    lines = [f"### {job.title}\n"]
    if finished:
        tested = max(record["test_rows"] for record in _finished(records))
        lines += [f"Tested on {tested:,} texts.\n", _line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
        lines += [*(_line(_cells(peer, rows)) for peer in finished), ""]
    absent = {peer: _absence_reason(peer, job, rows[peer.name]) for peer in PEERS.values() if peer not in finished}
    return "\n".join([*lines, *_absent(absent)])


def _cells(peer: Peer, rows: dict[str, list[Record]]) -> list[str]:
    finished = _finished(rows[peer.name])
    ours = _finished(rows.get(peer.reference or "", []))
    accuracy = [record["accuracy"] for record in finished]
    spread = f" ({min(accuracy):.3f} to {max(accuracy):.3f})" if len(accuracy) > 1 else ""
    figures = [_figure(name, finished, ours) for name in _FIGURES]
    against = PEERS[peer.reference].title if peer.reference and ours else ""
    return [peer.title, str(len(finished)), f"{statistics.mean(accuracy):.3f}{spread}", *figures, against]


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
    records, ours = ([r for r in side if _has(r, name)] for side in (records, ours))
    if not records:
        return ""
    shared = {record["seed"] for record in records} & {record["seed"] for record in ours}
    text = f"{_mean(name, records):,.{0 if _mean(name, records) >= 10 else 1}f}"
    if not shared:
        return text
    mine, theirs = ([r for r in side if r["seed"] in shared] for side in (ours, records))
    return f"{text} ({_ratio(_mean(name, mine), _mean(name, theirs))})"


def _has(record: Record, name: str) -> bool:
    return record.get("predict_seconds" if name == "texts_per_second" else name) is not None


def _ratio(mine: float, theirs: float) -> str:
    """Quotient to two significant digits."""
    if not theirs:
        return "-"
    quotient = float(f"{mine / theirs:.2g}")
    return f"{quotient:,.0f}" if quotient >= 10 else f"{quotient:g}"


def _mean(name: str, records: list[Record]) -> float:
    if name == "texts_per_second":
        return sum(r["test_rows"] for r in records) / max(sum(r["predict_seconds"] for r in records), 0.01)
    return statistics.mean(record[name] for record in records)


def _finished(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if "accuracy" in record]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _peers() -> str:
    lines = ["## Peers\n", _line(("peer", "file", "environment")), _line(["---"] * 3)]
    lines += [
        _line((peer.title, f"`benchmarks/peers/{peer.name}.py`", f"`make {ENVIRONMENTS[peer.environment][1]}`"))
        for peer in PEERS.values()
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
