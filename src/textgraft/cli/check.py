"""`textgraft check`: leaks, repeated texts, wrong labels and other faults of data, before a training."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.data.columns import Reading
from textgraft.errors import ConfigError, LeakError

if TYPE_CHECKING:
    from textgraft.data_checks.checked_data import CheckedData
    from textgraft.data_checks.preset_tokens import PresetTokens


def check(
    data: Annotated[str, typer.Argument(help="Source, as for `textgraft train`.")],
    sources: Annotated[o.Sources, o.Group(without=("unlabelled", "test_share"))],
    reading: Reading,
    task_options: Annotated[o.TaskOptions, o.Group(only=("task",))],
    drop: o.DropOptions,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Pretrained model by whose tokenizer truncated texts and unknown tokens are counted.  \\[none]",
            rich_help_panel="Model",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New file of the training rows that are not dropped: .csv, .tsv, .jsonl, .parquet or .xlsx.  \\[none]",
            rich_help_panel="Output",
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    """Check data before a training: leaks, repeated texts, labels, lengths, personal data and drift.

    The exit code is 11 where texts of a given validation or test set are among the training texts.

    Examples:
        textgraft check reviews.csv

        textgraft check reviews.csv --test held-out.csv --preset minilm

        textgraft check reviews.csv --test held-out.csv --drop-duplicates --out cleaned.csv
    """
    from textgraft.cli.output.data_report import print_report
    from textgraft.cli.output.files import require_output
    from textgraft.cli.output.tables import TABLES
    from textgraft.data.splits import read_given
    from textgraft.data.text_files import STANDARD_INPUT
    from textgraft.data_checks.checked_data import CheckedData
    from textgraft.data_checks.report import run_checks
    from textgraft.task_specs import infer_task, task_spec

    if (out is not None) != (drop.drop_duplicates or drop.drop_conflicts):
        raise ConfigError("--out writes the rows that --drop-duplicates or --drop-conflicts leave; pass both, or none")
    if out is not None and data == STANDARD_INPUT:
        raise ConfigError("--out reads the data again, which standard input does not allow; pass a file")
    if out is not None:
        require_output(out, TABLES, overwrite=False)
    spec = task_spec(task_options.task or infer_task(data, reading))
    # Counted in the report, while a training refuses them.
    missing_labels = reading.missing_labels or ("drop" if spec.labelled else None)
    reading = replace(reading, empty=reading.empty or "drop", missing_labels=missing_labels)
    with status(f"reading {data}"):
        splits = read_given(spec, data, reading, sources.split, sources.validation, sources.test)
    checked = CheckedData(splits, _tokenizer(preset) if preset else None)
    with status(f"checking {data}"):
        report = run_checks(checked)
    print_json(report.to_json()) if json else print_report(report)
    if out is not None:
        _write(checked, data, sources.split, reading, drop, out)
    if checked.is_labelled or not spec.labelled:
        spec.check(*splits.values())  # raises the error that stops a training
    if report.leaks and not drop.drop_duplicates:
        raise LeakError(
            f"{report.leaks[0].message}; pass --drop-duplicates to `textgraft train`, or here with --out, to leave "
            "these texts out of the training"
        )


def _write(
    checked: "CheckedData", data: str, split: str | None, reading: Reading, drop: o.DropOptions, out: Path
) -> None:
    import numpy as np

    from textgraft.cli.cleaned_file import read_source, write_remaining
    from textgraft.data.splits import set_source
    from textgraft.data_checks.checked_data import TRAIN
    from textgraft.data_checks.dropping import ambiguous_rows, repeated_rows

    dropped = np.union1d(
        repeated_rows(checked) if drop.drop_duplicates else [], ambiguous_rows(checked) if drop.drop_conflicts else []
    ).astype(np.int64)
    _, source_split = set_source(TRAIN, data, reading, split)
    rows = read_source(data, source_split, reading, checked.train)
    written = write_remaining(rows, checked.train, dropped, out)
    log(f"wrote {written:,} of {len(checked.train):,} training rows to {out}")


def _tokenizer(preset: str) -> "PresetTokens":
    load_tensorflow()
    from textgraft.tasks.preset_tokens import preset_tokens

    return preset_tokens(preset)
