"""`textgraft drift`: have texts or answers changed since a training?"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_line, print_table, with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.data.labels import MAX_LISTED
from textgraft.errors import ConfigError, DataError, DriftError, counted
from textgraft.options import MAX_SEED, CheckedOptions, option
from textgraft.terminal.escaping import printable

if TYPE_CHECKING:
    import numpy as np

    from textgraft.drift.comparison import DriftReport
    from textgraft.model_folder.folder import StoredModel
    from textgraft.model_folder.reference import Reference

# Fewest texts of a comparison, and those below which only large changes are recognized.
_FEWEST, _FEW = 10, 100
_DECIMALS = 4
_MAX_CHARACTERS, _MAX_WIDTH = 60, 80


@dataclass(frozen=True)
class DriftOptions(CheckedOptions):
    """Options of the comparison."""

    reference: str | None = option(
        None,
        "Source of texts to compare with, such as those of another month.",
        panel="Data",
        shown_default="the texts of the training that the model folder keeps",
    )
    sample: int = option(
        1_000, "New texts to compare, drawn at random.", panel="Data", shown_default="1,000", minimum=10, maximum=5_000
    )
    level: float = option(0.01, "Probability of a false alarm.", panel="Data", above=0, below=0.5)
    seed: int = option(0, "Random seed of samples and permutations.", panel="Data", minimum=0, maximum=MAX_SEED)
    unlike: int = option(
        5, "Number of texts to show that are most unlike those of the training.", panel="Output", minimum=0
    )
    fail: bool = option(False, "End with exit code 12 where there is drift.", panel="Output")


def drift(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    options: DriftOptions,
    prediction: o.PredictionOptions,
    data: Annotated[str, typer.Argument(metavar="NEW", help="Source of new texts; - for standard input.")],
    json: o.Json = False,
) -> None:
    """Compare new texts, and the answers to them, with those of a model's training.

    Permutation tests compare the model's vectors of the texts and its answers, another test the lengths.

    Examples:
        textgraft drift sentiment this-month.csv

        textgraft drift sentiment this-month.csv --reference last-month.csv --fail
    """
    from textgraft.model_folder import folder as model_folder
    from textgraft.task_specs import task_spec

    stored = model_folder.read(folder)
    if not task_spec(stored.config["task"]).labelled:
        raise ConfigError(
            f"{folder} is a model for {stored.config['task']}; drift takes one of labels, numbers or entities"
        )
    if options.reference is None and stored.reference is None:
        raise ConfigError(f"{folder} keeps no texts to compare with; pass --reference FILE")
    sources_read = [name for name in (options.reference, data) if name is not None]
    samples = [_RowSource(stored, name, reading, sources.split, options) for name in sources_read]
    load_tensorflow(prediction)
    from textgraft.drift.comparison import compare_with_reference, similarity_to_reference
    from textgraft.tasks.loading import load

    model = load(stored, prediction.precision, prediction.engine)
    computed = [sample.measure(model) for sample in samples]
    before, after = computed[0] if options.reference or stored.reference is None else stored.reference, computed[-1]
    report = compare_with_reference(before, after, stored.config["settings"], options.level, options.seed)
    unlike = samples[-1].rows_of(similarity_to_reference(before, after), options.unlike)
    if json:
        print_json({**report.record(), "unlike": unlike})
    else:
        _print_report(report, data, options.reference or "the training")
        _print_unlike(unlike)
    log(*_cautions(report, before))
    if options.fail and report.is_drift:
        raise DriftError(f"{data}: {_changed(report)}; label some of its texts and train with them")


class _RowSource:
    """A random sample of the rows of a source."""

    def __init__(
        self, stored: "StoredModel", data: str, reading: Reading, split: str | None, options: DriftOptions
    ) -> None:
        import numpy as np

        from textgraft.cli.inputs import read_rows
        from textgraft.data.row_sample import RowSample

        self._rows, sample = read_rows(stored, data, reading, split, ()), RowSample(options.sample)
        random = np.random.default_rng(options.seed)
        for batch in self._rows:
            sample.add(batch, random.integers(0, 2**64, len(batch), np.uint64))
        log(*self._rows.notices)
        if sample.rows < _FEWEST:
            raise DataError(f"{data}: {counted(sample.rows, 'text')}; a comparison takes at least {_FEWEST}")
        self._sample = sample.take()
        if sample.is_part:
            log(f"{data}: a random sample of its {sample.rows:,} texts is compared; see --sample")

    def measure(self, model: Any) -> "Reference":
        """What a model computes for the sample."""
        import numpy as np

        from textgraft.data.streams import texts_of
        from textgraft.tasks.reference import reference_of
        from textgraft.tasks.text_features import features_of_rows, join_features
        from textgraft.training.token_ids import TruncationCount

        truncated = TruncationCount()
        parts = with_progress(features_of_rows(model, self._sample, truncated), len(self._sample))
        features = join_features(parts)
        log_truncation(self._rows.source, asdict(truncated), model.architecture.sequence_length)
        lengths = np.array([len(text.decode()) for text in texts_of(self._sample).joined])
        return reference_of(model, lengths, features)

    def rows_of(self, similarities: "np.ndarray", count: int) -> list[dict[str, Any]]:
        """The rows with the lowest similarities."""
        texts, positions = (self._sample.column(name) for name in ("text", "position"))
        return [
            {
                "location": self._rows.location(positions[row].as_py()),
                "similarity": round(float(similarities[row]), _DECIMALS),
                "text": texts[row].as_py(),
            }
            for row in similarities.argsort(kind="stable")[:count].tolist()
        ]


def _print_report(report: "DriftReport", data: str, reference: str) -> None:
    rows = [
        (
            test.name,
            test.method,
            _show_p_value(test.p),
            "" if test.stability_index is None else f"{test.stability_index:.3f}",
            "yes" if test.is_drift else "no",
        )
        for test in report.tests
    ]
    title = f"{report.texts:,} texts of {data}, {report.reference_texts:,} of {reference}"
    print_table(("what", "test", "p", "stability index", "drift"), rows, title, _MAX_WIDTH)
    if report.moved:
        moved = [
            (label.label, f"{label.before:.3f}", f"{label.after:.3f}", _show_p_value(label.p))
            for label in report.moved[:MAX_LISTED]
        ]
        print_table(("label", "before", "after", "p"), moved, "labels that moved, per text", _MAX_WIDTH)
    print_line(f"drift: {_changed(report)}" if report.is_drift else f"no drift (level {report.level:g})")


def _print_unlike(rows: list[dict[str, Any]]) -> None:
    cells = [
        (f"{row['similarity']:.3f}", row["location"], printable(" ".join(row["text"].split()), _MAX_CHARACTERS))
        for row in rows
    ]
    if cells:
        print_table(("similarity", "location", "text"), cells, "texts most unlike those before", _MAX_WIDTH)


def _changed(report: "DriftReport") -> str:
    """What has changed, with its p-value."""
    changes = [f"{test.name} (p {_show_p_value(test.p)})" for test in report.tests if test.is_drift]
    return f"{' and '.join(changes)} have changed"


def _show_p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _cautions(report: "DriftReport", before: "Reference") -> list[str]:
    lines = []
    if min(report.texts, report.reference_texts) < _FEW:
        lines.append(f"with less than {_FEW} texts on a side, only large changes are recognized")
    if before.trained:
        lines.append("the texts of the training trained the network, by which their vectors may differ from all others")
    return lines
