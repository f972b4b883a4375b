"""Speed of textgraft relative to other libraries, side by side for all machines."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks import machine
from benchmarks.comparison import figures, markdown, store
from benchmarks.comparison.roster import PEERS
from benchmarks.comparison.store import Record


@dataclass(frozen=True)
class Speed:
    """A job's figure of textgraft and of another library.

    Attributes:
        title: the job in tables.
        job: its name.
        peer: the other library; textgraft's is its reference.
        figure: seconds, a field of the records.
    """

    title: str
    job: str
    peer: str
    figure: str


_FINE_TUNING, _TUTORIAL = (
    "fine-tune on 1,000 IMDb reviews, 3 epochs",
    "the TF-Hub tutorial, 10 epochs of 15,000 reviews",
)
SPEEDS = (
    Speed(_FINE_TUNING, "imdb_1000", "hf_trainer", "training_seconds"),
    Speed(_FINE_TUNING, "imdb_1000", "keras_hub_classifier", "training_seconds"),
    Speed("label 5,000 IMDb reviews with a fine-tuned model", "predict", "hf_pipeline", "predict_seconds"),
    Speed("embed and classify 5,000 IMDb reviews", "predict", "sentence_transformers_lr", "predict_seconds"),
    Speed(_TUTORIAL, "tutorial", "legacy_tutorial", "training_seconds"),
)


def lines(records: Iterable[Record]) -> list[str]:
    """A table with a column per machine, and the kinds of processors without a run."""
    current = store.latest(records)
    machines = sorted({record["machine"] for record in current}, key=machine.order_of)
    by_machine = [[record for record in current if record["machine"] == name] for name in machines]
    rows = ([speed.title, PEERS[speed.peer].title, *(_cell(speed, runs) for runs in by_machine)] for speed in SPEEDS)
    missing = missing_kinds(machines)
    sentence = ["", f"Not run on other kinds of processors: {', '.join(missing)}."] if missing else []
    return [*markdown.table(["job", "compared with", *machines], rows), *sentence]


def missing_kinds(machines: Iterable[str]) -> list[str]:
    """Kinds of processors that none of the machines has."""
    kinds = {*map(machine.kind_of, machines)}
    return [kind for kind in machine.KINDS if kind not in kinds]


def _cell(speed: Speed, records: Iterable[Record]) -> str:
    """How many times as fast textgraft is, the seconds of both, and the day of textgraft's run."""
    runs = figures.with_figure(speed.figure, [r for r in records if r["job"] == speed.job])
    names = (PEERS[speed.peer].reference, speed.peer)
    ours, theirs = figures.shared_seeds(*([r for r in runs if r["peer"] == name] for name in names))
    if not ours:
        return "not run"
    mine, other = figures.mean(speed.figure, ours), figures.mean(speed.figure, theirs)
    seconds = f"{figures.rounded(mine)} s against {figures.rounded(other)} s"
    return f"{figures.ratio(other, mine)} ({seconds}; {figures.dates(ours)})"
