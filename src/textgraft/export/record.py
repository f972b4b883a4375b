"""`textgraft.json` of an exported model: its files with their SHA-256, and the answers that it must give."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.errors import ExportError, ModelFolderError
from textgraft.export.format import Answers, Text
from textgraft.storage.schema import ANY, NONEMPTY, STRING, List, Map, Object, Scalar, parse_json
from textgraft.storage.syncing import write_file
from textgraft.storage.verification import STRAY_FILES, is_altered, read_bounded

RECORD = "textgraft.json"
TOLERANCE = 1e-5  # of numbers, relative above 1

_MAX_BYTES = 2**26


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


_TEXT = Scalar("a text, or a list of two", lambda value: all(map(STRING.holds, value if _is_pair(value) else [value])))
_SCHEMA = Object(
    {
        "format": NONEMPTY,
        "task": NONEMPTY,
        "versions": Map(STRING),
        "needs": List(NONEMPTY),
        "texts": List(_TEXT, min_items=1),
        "answers": Map(List(ANY)),
        "sha256": Map(STRING),
    }
)


@dataclass(frozen=True)
class ExportRecord:
    """What is known about an exported model.

    Attributes:
        format: a name in `export.formats`.
        task: name of the model's task.
        versions: of textgraft and what it used, by package.
        needs: what the format needs beside its own runtime.
        texts: strings, or pairs of strings.
        answers: those of the model, one list per output.
        sha256: of each other file, by its path in the folder, with slashes.
    """

    format: str
    task: str
    versions: Mapping[str, str]
    needs: Sequence[str]
    texts: Sequence[Any]
    answers: Mapping[str, Sequence[Any]]
    sha256: Mapping[str, str]

    @property
    def inputs(self) -> list[Text]:
        """The texts as `ExportFormat.open` takes them."""
        return [text if isinstance(text, str) else tuple(text) for text in self.texts]

    def write(self, folder: Path) -> None:
        """Write the file."""
        write_file(folder / RECORD, [f"{json.dumps(asdict(self), indent=1, allow_nan=False)}\n".encode()])


def read_record(folder: Path) -> ExportRecord:
    """Read the file of a folder, and compare the others with it.

    Raises:
        ExportError: when the folder is no exported model, or a file is missing, altered or not listed.
    """
    if not (folder / RECORD).is_file():
        raise ExportError(f"{folder} is not an exported model: it has no {RECORD}; pass a folder of textgraft export")
    try:
        values = parse_json(read_bounded(folder / RECORD, _MAX_BYTES), folder / RECORD)
        _SCHEMA.check(values, str(folder / RECORD))
        record = ExportRecord(**values)
        names = list_files(folder)
        if different := sorted(set(names) ^ record.sha256.keys()):
            state = "is missing" if different[0] in record.sha256 else f"is not listed in {RECORD}"
            raise ExportError(f"{folder / different[0]} {state}; export the model again")
        for name in names:
            if is_altered(folder / name, record.sha256[name]):
                raise ExportError(f"{folder / name} has been altered since the export; export the model again")
    except ModelFolderError as error:
        raise ExportError(str(error)) from error
    return record


def list_files(folder: Path) -> list[str]:
    """Paths of all files below a folder but the record and what file managers leave, sorted; links are not followed."""
    paths = (Path(parent, name).relative_to(folder) for parent, _, names in os.walk(folder) for name in names)
    return sorted(path.as_posix() for path in paths if path != Path(RECORD) and path.name not in STRAY_FILES)


def as_lists(answers: Answers) -> dict[str, list[Any]]:
    """Answers as JSON values."""
    return {name: _decoded(np.asarray(values)).tolist() for name, values in answers.items()}


def largest_difference(answers: Answers, expected: Mapping[str, Sequence[Any]], texts: Sequence[Text]) -> float:
    """Compare answers with those of the model; returns the largest difference of numbers, relative above 1.

    Raises:
        ExportError: when one differs by more than `TOLERANCE`; names the output and the text.
    """
    if answers.keys() != expected.keys():
        raise ExportError(
            f"the exported model answers {', '.join(answers)} instead of {', '.join(expected)}; export the model again"
        )
    largest = 0.0
    for name, values in answers.items():
        values = _decoded(np.asarray(values))
        try:
            others = np.array(expected[name], str if values.dtype.kind == "U" else values.dtype)
        except (TypeError, ValueError) as error:
            raise ExportError(f"{RECORD} has no valid answers for {name}; export the model again") from error
        if values.shape != others.shape:
            raise ExportError(f"the exported model answers {name} in the shape {values.shape}, not {others.shape}")
        if values.dtype.kind == "f":
            differences = np.abs(values - others) / np.maximum(1, np.abs(others))
        else:
            differences = (values != others).astype(float)
        row_differences = np.nan_to_num(differences.reshape(len(values), -1), nan=np.inf).max(axis=1)
        if (row := int(row_differences.argmax())) >= 0 and row_differences[row] > TOLERANCE:
            raise ExportError(
                f"the exported model answers {name} {_shown(values[row])} for {texts[row]!r:.60}; the model "
                f"answered {_shown(others[row])}"
            )
        largest = max(largest, float(row_differences[row]))
    return largest


def _decoded(values: np.ndarray) -> np.ndarray:
    """Strings in place of bytes."""
    if values.dtype != object:
        return values
    decoded = [value.decode() if isinstance(value, bytes) else value for value in values.ravel()]
    return np.array(decoded, str).reshape(values.shape)


def _shown(values: Any) -> str:
    return f"{np.asarray(values).tolist()!s:.60}"
