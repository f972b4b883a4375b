"""`golden.json` of a model folder: answers by which another machine can tell that the model answers there as it did."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgraft.runtime import DTYPE_POLICIES
from textgraft.storage.schema import ANY, TEXT_OR_PAIR, List, Map, Object, OneOf, parse_json
from textgraft.storage.verification import read_bounded

GOLDEN = "golden.json"
MAX_GOLDEN_BYTES = 2**26

_ROW = Object({"text": TEXT_OR_PAIR, "answer": Map(List(ANY, 1))})
_SCHEMA = Object({"precision": OneOf(DTYPE_POLICIES), "rows": List(_ROW, 1)})


@dataclass(frozen=True)
class GoldenAnswers:
    """Answers of a model to texts, each by itself.

    Attributes:
        precision: one of `runtime.DTYPE_POLICIES`, in which they were computed.
        texts: strings, or pairs of strings.
        answers: to each text, the arrays of `Task.reference_answers`, of one row, as lists.
    """

    precision: str
    texts: Sequence[str | tuple[str, str]]
    answers: Sequence[Mapping[str, Sequence[Any]]]


def golden_file(golden: GoldenAnswers) -> bytes:
    """The content of the file."""
    rows = [{"text": text, "answer": answer} for text, answer in zip(golden.texts, golden.answers, strict=True)]
    return f"{json.dumps({'precision': golden.precision, 'rows': rows}, indent=1, allow_nan=False)}\n".encode()


def read_golden(folder: Path, files: Mapping[str, str]) -> GoldenAnswers | None:
    """The answers of a folder whose `files` are verified; None where it has none.

    Raises:
        ModelFolderError: when the file is malformed.
    """
    if GOLDEN not in files:
        return None
    values = parse_json(read_bounded(folder / GOLDEN, MAX_GOLDEN_BYTES), folder / GOLDEN)
    _SCHEMA.check(values, str(folder / GOLDEN))
    texts = [row["text"] if isinstance(row["text"], str) else tuple(row["text"]) for row in values["rows"]]
    return GoldenAnswers(values["precision"], texts, [row["answer"] for row in values["rows"]])
