"""Predictions of a command: written beside their rows, and counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from textgraft.cli.output.entity_files import ConllFile, is_conll, open_conll
from textgraft.cli.output.files import Destination
from textgraft.cli.output.tables import PredictionTable, name_columns, open_table
from textgraft.data.input_rows import InputRows
from textgraft.data.label_checks import describe_counts
from textgraft.data.labels import REGRESSION
from textgraft.data.predicted_entities import Entity
from textgraft.data.random_splits import text_digests
from textgraft.data.seen_texts import SeenRows, describe_seen
from textgraft.data.streams import texts_of
from textgraft.data.tagged import tagged_texts
from textgraft.errors import counted

if TYPE_CHECKING:
    from textgraft.model_folder.folder import StoredModel

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


class PredictionOutput(Protocol):
    """Writes rows with their predictions."""

    def write(self, window: pa.RecordBatch, answers: Sequence[Sequence[Any]]) -> None:
        """Append rows of `InputRows`, and the cells of each column of answers."""


@contextmanager
def open_predictions(
    destination: Destination,
    rows: InputRows,
    names: Sequence[str],
    entities: bool = False,
    highlight: bool = False,
) -> Iterator[PredictionOutput]:
    """An output for the rows of a source.

    Args:
        destination: a file, or standard output.
        rows: the source.
        names: of the columns of answers.
        entities: whether answers are entities.
        highlight: print texts with coloured entities.
    """
    if highlight:
        yield _Highlighter()
    elif entities and is_conll(destination):
        with open_conll(destination) as file:
            yield _ConllOutput(file)
    else:
        with_texts = entities and rows.has_words
        answers = ["text", *names] if with_texts else names
        columns = name_columns(rows.source, rows.copied, answers, rows.copied_as_json)
        with open_table(destination, columns, ".jsonl" if entities else ".csv") as table:
            yield _EntityTable(table, with_texts) if entities else _Table(table)


class PredictionReport:
    """Counts predictions, and texts that the model has seen in its training."""

    def __init__(self, stored: "StoredModel") -> None:
        settings = stored.config["settings"]
        self._rows = 0
        self._separator = settings.get("label_separator")
        self._has_labels = bool(settings.get("labels"))
        self._is_number = settings.get("problem") == REGRESSION
        self._counts = Counter[str]()
        self._smallest, self._largest, self._sum = float("inf"), float("-inf"), 0.0
        self._seen = None if stored.seen is None else SeenRows(stored.seen)

    def add(self, window: pa.RecordBatch, predictions: Sequence[Any]) -> None:
        """Count the rows of a window."""
        self._rows += len(window)
        if self._seen is not None:
            self._seen.add(text_digests(texts_of(window).joined))
        if self._is_number:
            self._smallest, self._largest = min(self._smallest, *predictions), max(self._largest, *predictions)
            self._sum += sum(predictions)
        elif self._has_labels:
            self._counts.update(chain.from_iterable(map(self._labels, predictions)))

    def lines(self, rows: InputRows, out: Path | None) -> list[str]:
        """Lines of information for the user, at the end."""
        parts = [
            f"wrote {counted(self._rows, 'row')} to {out}" if out else counted(self._rows, "row"),
            *describe_counts(self._counts),
        ]
        if self._is_number and self._rows:
            mean = self._sum / self._rows
            parts.append(f"numbers from {self._smallest:.4g} to {self._largest:.4g}, mean {mean:.4g}")
        lines = []
        if rows.empty:
            texts = counted(rows.empty, "empty text")
            lines.append(f"{rows.source}: predictions include {texts}; --empty drop drops their rows")
        if self._seen is not None:
            lines.append(describe_seen(rows.source, self._seen.record(), self._rows))
        return [*filter(None, lines), "; ".join(parts)]

    def _labels(self, prediction: Any) -> Sequence[str]:
        if isinstance(prediction, list):
            return [item.label if isinstance(item, Entity) else str(item) for item in prediction]
        label = str(prediction)
        return [label] if self._separator is None else list(filter(None, label.split(self._separator)))


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
