"""`textgraft.json` of an exported model: its files with their SHA-256, and the answers that it must give."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from textgraft.errors import ExportError, ModelFolderError
from textgraft.evaluation.answer_comparison import largest_difference
from textgraft.export.format import Answers, Text
from textgraft.storage.schema import ANY, NONEMPTY, NUMBER, STRING, TEXT_OR_PAIR, Integer, List, Map, Object, parse_json
from textgraft.storage.syncing import write_file
from textgraft.storage.temporary import EXPORT_RECORD
from textgraft.storage.verification import STRAY_FILES, is_altered, read_bounded

RECORD = EXPORT_RECORD

# The key with the SHA-256 of the file's content without this key, which detects accidental changes.
_SEAL = "seal"

_MAX_BYTES = 2**26


# Empty without a proof; see `litert_proof`.
_PROOF = Object(
    {},
    {
        "data": STRING,
        "texts": Integer(1),
        "agreement": NUMBER,
        "lost": NUMBER,
        "metric": NONEMPTY,
        "least": NUMBER,
    },
)
_SCHEMA = Object(
    {
        "format": NONEMPTY,
        "task": NONEMPTY,
        "versions": Map(STRING),
        "needs": List(NONEMPTY),
        "operations": List(NONEMPTY),
        "texts": List(TEXT_OR_PAIR, min_items=1),
        "answers": Map(List(ANY)),
        "sha256": Map(STRING),
        _SEAL: STRING,
    },
    {"left_out": List(NONEMPTY), "proof": _PROOF},
)


@dataclass(frozen=True)
class ExportRecord:
    """What is known about an exported model.

    Attributes:
        format: a name in `export.formats`.
        task: name of the model's task.
        versions: of textgraft and what it used, by package.
        needs: what the format needs beside its own runtime.
        operations: names of the graph's operations, of a SavedModel.
        texts: strings, or pairs of strings.
        answers: those of the model, one list per output.
        sha256: of each other file, by its path in the folder, with slashes.
        left_out: names of the parts of the model that the export does not have.
        proof: see `Requirements`.
    """

    format: str
    task: str
    versions: Mapping[str, str]
    needs: Sequence[str]
    operations: Sequence[str]
    texts: Sequence[Any]
    answers: Mapping[str, Sequence[Any]]
    sha256: Mapping[str, str]
    left_out: Sequence[str] = ()
    proof: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Text]:
        """The texts as `ExportFormat.open` takes them."""
        return [text if isinstance(text, str) else tuple(text) for text in self.texts]

    def write(self, folder: Path) -> None:
        """Write the file, which exists or not."""
        new = folder / f"{RECORD}.new"
        write_file(new, [_sealed(asdict(self))])
        new.replace(folder / RECORD)


def read_record(folder: Path) -> ExportRecord:
    """Read the file of a folder, and compare the others with it.

    Raises:
        ExportError: when the folder is no exported model, or a file is missing, altered or not listed.
    """
    if not (folder / RECORD).is_file():
        raise ExportError(f"{folder} is not an exported model: it has no {RECORD}; pass a folder of textgraft export")
    try:
        content = read_bounded(folder / RECORD, _MAX_BYTES)
        values = parse_json(content, folder / RECORD)
        _SCHEMA.check(values, str(folder / RECORD))
        del values[_SEAL]
        if _sealed(values) != content:
            raise _altered(folder / RECORD)
        record = ExportRecord(**values)
        names = list_files(folder)
        if different := sorted(set(names) ^ record.sha256.keys()):
            state = "is missing" if different[0] in record.sha256 else f"is not listed in {RECORD}"
            raise ExportError(f"{folder / different[0]} {state}; export the model again")
        for name in names:
            if is_altered(folder / name, record.sha256[name]):
                raise _altered(folder / name)
    except ModelFolderError as error:  # of the readers that model folders have too
        raise ExportError(str(error).replace("the model folder", "the exported folder")) from error
    return record


def _sealed(values: dict[str, Any]) -> bytes:
    """The content of the file, which is the same for the same values."""
    digest = hashlib.sha256(_as_json(values)).hexdigest()
    return _as_json({**values, _SEAL: digest})


def _as_json(values: dict[str, Any]) -> bytes:
    return f"{json.dumps(values, indent=1, allow_nan=False)}\n".encode()


def _altered(path: Path) -> ExportError:
    return ExportError(f"{path} has been altered since the export; export the model again")


def list_files(folder: Path) -> list[str]:
    """Paths of all files below a folder but the record and what file managers leave, sorted; links are not followed."""
    paths = (Path(parent, name).relative_to(folder) for parent, _, names in os.walk(folder) for name in names)
    return sorted(path.as_posix() for path in paths if path != Path(RECORD) and path.name not in STRAY_FILES)


def compare_answers(
    answers: Answers,
    expected: Mapping[str, Sequence[Any]],
    texts: Sequence[Text],
    tolerance: Callable[[str], float],
    source: str | Path,
) -> float:
    """See `answer_comparison.largest_difference`; an ExportError, which names the source, when an answer differs."""
    try:
        return largest_difference(answers, expected, texts, tolerance)
    except ValueError as error:
        raise ExportError(f"{source}: {error}; export the model again") from error
