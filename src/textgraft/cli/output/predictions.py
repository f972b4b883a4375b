"""Predictions of a command: written beside their rows, and counted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from textgraft.cli.output.entity_files import ConllFile, is_conll, open_conll
from textgraft.cli.output.files import Destination
from textgraft.cli.output.prediction_counts import PredictionCounts
from textgraft.cli.output.tables import PredictionTable, TableColumns, name_columns, open_table
from textgraft.data.input_rows import InputRows
from textgraft.data.random_splits import text_digests
from textgraft.data.seen_texts import SeenRows, describe_seen
from textgraft.data.streams import texts_of
from textgraft.data.tagged import tagged_texts
from textgraft.errors import counted
from textgraft.storage.objects import ObjectPath

if TYPE_CHECKING:
    from textgraft.model_folder.folder import StoredModel

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


class PredictionOutput(Protocol):
    """Writes rows with their predictions."""

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        """Append rows of `InputRows`, and the cells of each column of answers."""


def prediction_columns(rows: InputRows, names: Sequence[str], entities: bool) -> TableColumns:
    """The columns of a table of predictions; `names` are those of the answers, which may be entities."""
    answers = ["text", *names] if entities and rows.has_words else names
    return name_columns(rows.source, rows.copied, answers, rows.copied_as_json)


@contextmanager
def open_predictions(
    destination: Destination,
    columns: TableColumns,
    entities: bool = False,
    with_texts: bool = False,
    highlight: bool = False,
) -> Iterator[PredictionOutput]:
    """An output for rows and their predictions.

    Args:
        destination: a file, or standard output.
        columns: see `prediction_columns`.
        entities: whether answers are entities.
        with_texts: whether the text is written before them.
        highlight: print texts with coloured entities.
    """
    if highlight:
        yield _Highlighter()
    elif entities and is_conll(destination):
        with open_conll(destination) as file:
            yield _ConllOutput(file)
    else:
        with open_table(destination, columns, ".jsonl" if entities else ".csv") as table:
            yield _EntityTable(table, with_texts) if entities else _Table(table)


class PredictionReport:
    """Counts predictions, and texts that the model has seen in its training.

    Attributes:
        counts: of the predictions.
    """

    def __init__(self, stored: "StoredModel") -> None:
        self.counts = PredictionCounts(stored.config["settings"])
        self._seen = None if stored.seen is None else SeenRows(stored.seen)

    def add_texts(self, window: pa.RecordBatch) -> None:
        """Count the texts of a window that the model has seen."""
        if self._seen is not None:
            self._seen.add(text_digests(texts_of(window).joined))

    def lines(self, rows: InputRows, out: Path | ObjectPath | None) -> list[str]:
        """Lines of information for the user, at the end."""
        total = self.counts.rows
        wrote = f"wrote {counted(total, 'row')} to {out}" if out else counted(total, "row")
        lines = []
        if rows.empty:
            texts = counted(rows.empty, "empty text")
            lines.append(f"{rows.source}: predictions include {texts}; --empty drop drops their rows")
        if self._seen is not None:
            lines.append(describe_seen(rows.source, self._seen.record(), total))
        return [*filter(None, lines), "; ".join([wrote, *self.counts.describe()])]


class _Table:
    def __init__(self, table: PredictionTable) -> None:
        self._table = table

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        self._table.write(window.column("copied"), answers)


class _EntityTable:
    """Entities as {"text", "label", "start", "end", "score"}, after the text where it was joined from words."""

    def __init__(self, table: PredictionTable, with_texts: bool) -> None:
        self._table, self._with_texts = table, with_texts

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        texts = [window.column("text").to_pylist()] if self._with_texts else []
        entities = [[entity._asdict() for entity in row] for row in answers[0]]
        self._table.write(window.column("copied"), [*texts, entities])


class _ConllOutput:
    def __init__(self, file: ConllFile) -> None:
        self._file = file

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        for row, entities in zip(tagged_texts(window), answers[0], strict=True):
            self._file.write(row.text, row.words, entities)


class _Highlighter:
    """Prints texts with their entities in colours, each followed by its label."""

    def __init__(self) -> None:
        from textgraft.terminal.console import console

        self._console, self._colours, self._unused = console(), dict[str, str](), cycle(_COLOURS)

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        from rich.text import Text

        from textgraft.terminal.escaping import MAX_TEXT, MAX_VALUE, printable

        for text, entities in zip(window.column("text").to_pylist(), answers[0], strict=True):
            line, end = Text(), 0
            for entity in entities:
                colour = self._colours.setdefault(entity.label, next(self._unused))
                line.append(printable(text[end : entity.start], MAX_TEXT))
                line.append(printable(text[entity.start : entity.end], MAX_VALUE), f"bold {colour}")
                line.append(printable(f" [{entity.label}]", MAX_VALUE), f"dim {colour}")
                end = entity.end
            self._console.print(line.append(printable(text[end:], MAX_TEXT)), soft_wrap=True)
