"""Means, ratios and dates of stored runs, as text."""

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.comparison.store import Record


def finished(records: Iterable[Record]) -> list[Record]:
    """The runs that were not stopped."""
    return [record for record in records if "accuracy" in record]


def with_figure(name: str, records: Iterable[Record]) -> list[Record]:
    """The runs that have a figure: a field of the records, or "texts_per_second"."""
    field = "predict_seconds" if name == "texts_per_second" else name
    return [record for record in records if record.get(field) is not None]


def shared_seeds(first: Sequence[Record], second: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The runs of both with the seeds that both have run."""
    seeds = {record["seed"] for record in first} & {record["seed"] for record in second}
    return [r for r in first if r["seed"] in seeds], [r for r in second if r["seed"] in seeds]


def mean(name: str, records: Sequence[Record]) -> float:
    """Mean over the seeds of a figure that all have."""
    if name == "texts_per_second":
        return sum(r["test_rows"] for r in records) / max(sum(r["predict_seconds"] for r in records), 0.01)
    return statistics.mean(record[name] for record in records)


def rounded(value: float) -> str:
    """Without decimals from 10 on, else with one."""
    return f"{value:,.{0 if value >= 10 else 1}f}"


def ratio(numerator: float, denominator: float) -> str:
    """Quotient to two significant digits."""
    if not denominator:
        return "-"
    quotient = float(f"{numerator / denominator:.2g}")
    return f"{quotient:,.0f}" if quotient >= 10 else f"{quotient:g}"


def dates(records: Iterable[Record]) -> str:
    """The day of the runs, or the first and the last."""
    days = sorted({record["date"] for record in records})
    return " to ".join(dict.fromkeys([days[0], days[-1]]))
