"""Files of suggested texts: tables, and the JSON of annotation tools."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from textgraft.cli.output.files import Destination, open_output
from textgraft.cli.output.tables import name_columns, open_table
from textgraft.data.input_rows import InputRows
from textgraft.data.predicted_entities import Entity
from textgraft.suggestions.annotation_tools import ANNOTATION_TOOLS, AnnotationTool, AnsweredText
from textgraft.suggestions.suggesting import Suggestions
from textgraft.tasks.objectives import DECIMALS

JSON_FILE = ".json"
_MEASURES = ("probability", "doubt")


class AnswerColumns(NamedTuple):
    """The columns of answers in a table of suggestions.

    Attributes:
        prediction: name of the column of predictions.
        label: name of an empty column for labels, which is not added where the source has it; empty for none.
        separator: joins the labels of a set; None for lists.
    """

    prediction: str
    label: str = ""
    separator: str | None = None


class _JsonFile:
    """A JSON array, an item in each line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._separator = file, "[\n"

    def write(self, item: Mapping[str, Any]) -> None:
        """Append an item."""
        self._file.write(f"{self._separator}{json.dumps(item, ensure_ascii=False, allow_nan=False)}".encode())
        self._separator = ",\n"

    def close(self) -> None:
        """Finish the file."""
        self._file.write(b"\n]\n")
        self._file.flush()


def write_items(destination: Destination, tool: str, model: str, source: InputRows, chosen: Suggestions) -> None:
    """Write suggestions as items of an annotation tool; `model` names the origin of the answers in them."""
    items: AnnotationTool = ANNOTATION_TOOLS[tool](model)
    formats = {JSON_FILE: _JsonFile}
    with open_output(destination.path, formats, destination.overwrite, standard=JSON_FILE) as file:
        for row in _answered_texts(source, chosen):
            file.write(items.item(row))


def write_table(
    destination: Destination, standard: str, source: InputRows, chosen: Suggestions, answers: AnswerColumns
) -> None:
    """Write suggestions as rows of a table: the columns of the source, then those of answers.

    `standard` is the ending of standard output.
    """
    texts = [chosen.rows.column("text").to_pylist()] if source.has_words else []
    labels = [[""] * len(chosen.answers)] if answers.label and answers.label not in source.copied else []
    names = [*(["text"] if texts else []), answers.prediction, *_MEASURES, *([answers.label] if labels else [])]
    columns = name_columns(source.source, source.copied, names, source.copied_as_json)
    cells: list[Sequence[Any]] = [
        *texts,
        list(map(partial(_cell, answers.separator), chosen.answers)),
        list(map(partial(_cell, answers.separator), chosen.confidences)),
        chosen.doubts.round(DECIMALS).tolist(),
        *labels,
    ]
    with open_table(destination, columns, standard) as table:
        if chosen.answers:
            table.write(chosen.rows.column("copied"), cells)


def _answered_texts(source: InputRows, chosen: Suggestions) -> Iterator[AnsweredText]:
    rows, text_columns = chosen.rows, set(source.roles.values())
    pairs, copied = rows.column("pair").to_pylist(), _copied_values(source, rows)
    answers = zip(chosen.answers, chosen.confidences, chosen.doubts.tolist(), strict=True)
    for index, (position, text, answer) in enumerate(
        zip(rows.column("position").to_pylist(), rows.column("text").to_pylist(), answers, strict=True)
    ):
        texts = [text] if pairs[index] is None else [text, pairs[index]]
        columns = {name: value for name, value in copied[index].items() if name not in text_columns}
        yield AnsweredText(position, texts, columns, *answer)


def _copied_values(source: InputRows, rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """The copied columns of each row, as JSON values."""
    values = rows.column("copied").to_pylist()
    if source.copied_as_json:
        return [{name: json.loads(cell) if cell else None for name, cell in row.items()} for row in values]
    return [{name: _json_value(cell) for name, cell in row.items()} for row in values]


def _json_value(cell: Any) -> Any:
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    return cell if cell is None or isinstance(cell, str | int) else str(cell)


def _cell(separator: str | None, value: Any) -> Any:
    if isinstance(value, list) and any(isinstance(item, Entity) for item in value):
        return [entity._asdict() for entity in value]
    if isinstance(value, list):
        rounded = [_cell(separator, item) for item in value]
        return rounded if separator is None else separator.join(map(str, rounded))
    return round(value, DECIMALS) if isinstance(value, float) else value
