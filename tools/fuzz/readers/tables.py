"""Readers of tables: CSV, JSON lines and JSON, CoNLL, and exports of annotation tools."""

import bz2
import gzip
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from tools.fuzz import samples
from tools.fuzz.changes import JSON, TABLE, TEXT
from tools.fuzz.inputs import Choices, split_input
from tools.fuzz.readers import Reader
from tools.fuzz.watching import require, require_line

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.file_options import FileOptions
from textgraft.data.input_rows import InputRows, read_inputs
from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.data.loading import load_datasets
from textgraft.data.offsets import OFFSETS
from textgraft.data.scripts import WHITE_SPACE
from textgraft.data.streams import read_texts
from textgraft.data.tagged import TaggedDataset, load_tagged_datasets, read_tagged, read_tagged_inputs
from textgraft.data.tags import Span
from textgraft.errors import DataError
from textgraft.task_specs import infer_task, task_spec

_WHITE_SPACE = re.compile(f"[{WHITE_SPACE}]")
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-tables-"))
_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": partial(gzip.compress, mtime=0),
    ".bz2": bz2.compress,
    ".zst": lambda content: _zstd(content),
    ".zip": lambda content: _zip(content),
}
_RARE_ENCODINGS = (
    "auto",
    "auto",
    "latin-1",
    "cp1252",
    "utf-16",
    "utf-16-le",
    "utf-8-sig",
    "gb18030",
    "punycode",
    "utf-7",
)


def _read_file(data: bytes, names: Sequence[str], ways: Sequence[str], file_options: Sequence[str]) -> None:
    """Write an input as a file of one of these names, and read it in one of these ways."""
    choices, content = split_input(data)
    name = choices.pick(names)
    if _is_json(content) and not choices.rarely(8):
        name = "a.json"
    if choices.rarely(12):
        suffix = choices.pick([*_COMPRESSIONS])
        name, content = name + suffix, _COMPRESSIONS[suffix](content)
        content = content[: len(content) - 3] if choices.rarely(4) else content
    path = _FOLDER / name
    path.write_bytes(content)
    way = choices.pick(ways)
    reading = _reading(choices, file_options, tagged=way in ("tagged", "tagged stream", "tagged inputs"))
    _WAYS[way](str(path), reading, choices)


def _reading(choices: Choices, file_options: Sequence[str], tagged: bool) -> Reading:
    options: dict[str, Any] = {
        "encoding": choices.pick(_RARE_ENCODINGS) if choices.rarely(6) else "utf-8",
        "delimiter": _mostly_none(choices, ";", "\t", "a"),
        "quotes": _mostly_none(choices, True, False),
        "header": _mostly_none(choices, "first", "none"),
    }
    file = FileOptions(**{name: value for name, value in options.items() if name in file_options})
    text = _mostly_none(choices, "text", "1", "tokens")
    label = _mostly_none(choices, "label", "2", "labels", "spans")
    empty, missing_labels = choices.pick(("error", "drop", "keep")), choices.pick(("error", "drop"))
    if tagged:
        return Reading(text, label, None, file, empty, offsets=_mostly_none(choices, *OFFSETS))
    problem = _mostly_none(choices, SINGLE, MULTI, REGRESSION)
    separator = _mostly_none(choices, "|", ",")
    return Reading(
        text,
        label,
        _mostly_none(choices, "hypothesis"),
        file,
        empty,
        None,
        problem,
        separator,
        choices.rarely(3),
        missing_labels,
    )


def _is_json(content: bytes) -> bool:
    """Whether content is one JSON value, of which JSON lines have one per line."""
    try:
        return isinstance(json.loads(content), list | dict)
    except (ValueError, RecursionError):
        return False


def _mostly_none(choices: Choices, *options: Any) -> Any:
    return choices.pick((*(None,) * 3 * len(options), *options))


def _read_dataset(path: str, reading: Reading, choices: Choices) -> None:
    (data,) = load_datasets(path, None, reading)
    _check_dataset(data)
    if choices.rarely(4):
        (again,) = load_datasets(path, None, reading)
        require(list(again) == list(data) and again.notices == data.notices, "a second reading differs")
    if choices.rarely(3):
        _require_equal_rows(data)


def _check_dataset(data: Dataset) -> None:
    rows = list(data)
    require(len(rows) == len(data) > 0, "the number of rows differs from the length")
    _check_texts(row.text for row in rows)
    labels = None if data.problem == SINGLE and not data.counts() else data.labels
    require(labels is None or len(labels) == len(rows), "the number of labels differs from that of texts")
    if labels is not None and data.problem == SINGLE:
        require(sum(data.counts().values()) == len(rows), "the counts of labels do not add up")
        require(
            [str(name) for name in labels] == [_stored(row.label) for row in rows], "labels differ from those of rows"
        )
    _check_common(data)


def _check_common(data: Dataset) -> None:
    require(len(data.digests()) == len(data) and len(data.fingerprint()) == 64, "digests")
    require(
        data.take([len(data) - 1]).fingerprint() == data[len(data) - 1 :].fingerprint(), "take differs from a slice"
    )
    require(data.location(0) and data.location(len(data) - 1), "an empty location")
    for notice in data.notices:
        require(notice, "an empty notice")
    require_line(repr(data), "the repr of a dataset")


def _check_texts(texts: Iterable[str]) -> None:
    for text in texts:
        require(isinstance(text, str) and "\0" not in text, "a text with a NUL")
        text.encode()


def _stored(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _require_equal_rows(data: Dataset) -> None:
    """Write the rows as JSON lines and read them again."""
    rows = list(data)
    labelled = rows[0].label is not None
    items = [
        {"text": row.text, **({"label": row.label} if labelled else {}), **({"pair": row.pair} if data.paired else {})}
        for row in rows
    ]
    path = _FOLDER / "again.jsonl"
    path.write_text(samples.json_lines(items), encoding="utf-8")
    reading = Reading(
        "text",
        "label" if labelled else None,
        "pair" if data.paired else None,
        FileOptions(),
        "keep",
        problem=data.problem if labelled else None,
    )
    (again,) = load_datasets(str(path), None, reading)
    require(list(again) == rows, "rows that are written as JSON lines are read as others")


def _read_tagged_dataset(path: str, reading: Reading, choices: Choices) -> None:
    (data,) = load_tagged_datasets(path, None, reading)
    _check_tagged(data)
    if choices.rarely(4):
        (again,) = load_tagged_datasets(path, None, reading)
        require(list(again) == list(data) and again.notices == data.notices, "a second reading differs")
    if choices.rarely(3):
        _require_equal_spans(data)


def _check_tagged(data: TaggedDataset) -> None:
    rows = list(data)
    require(len(rows) == len(data) > 0, "the number of rows differs from the length")
    _check_texts(row.text for row in rows)
    for text, words, spans in rows:
        for span in spans:
            require(0 <= span.start < span.end <= len(text), "a span outside its text")
            require(words is not None or _is_trimmed(text, span), "a span begins or ends with white space")
            require(span.label.strip() and not set(span.label) & set("\t\r\n\0"), "a label that is not a line")
        require(all(left.end <= right.start for left, right in pairwise(spans)), "spans that overlap")
        for start, end in words or ():
            require(0 <= start < end <= len(text), "a word outside its text")
        require(all(left[1] <= right[0] for left, right in pairwise(words or ())), "words that overlap")
        if words is not None:
            starts, ends = {start for start, _ in words}, {end for _, end in words}
            require(all(span.start in starts and span.end in ends for span in spans), "a span that cuts a word")
    require(set(data.label_names) == {span.label for row in rows for span in row.spans}, "names of labels")
    require(sum(data.counts().values()) == sum(len(row.spans) for row in rows), "the counts of labels do not add up")
    _check_common(data)


def _is_trimmed(text: str, span: Span) -> bool:
    """Whether a span has no white space at its ends, in whatever script."""
    return not any(map(_WHITE_SPACE.match, (text[span.start], text[span.end - 1])))


def _require_equal_spans(data: TaggedDataset) -> None:
    rows = [row for row in data if all(_is_trimmed(row.text, span) for span in row.spans)]
    items = [{"text": text, "entities": [[*span] for span in spans]} for text, _, spans in rows]
    if not rows:
        return
    path = _FOLDER / "again.jsonl"
    path.write_text(samples.json_lines(items), encoding="utf-8")
    (again,) = load_tagged_datasets(str(path), None, Reading(empty="keep", offsets="characters"))
    read = [(row.text, row.spans) for row in again]
    require(read == [(row.text, row.spans) for row in rows], "spans that are written as JSON lines are read as others")


def _read_stream(path: str, reading: Reading, choices: Choices) -> None:
    stream = read_texts(path, None, reading)
    for batch in stream:
        _check_texts(text.decode() for text in batch.texts)
    for notice in stream.notices:
        require(notice, "an empty notice")


def _read_tagged_stream(path: str, reading: Reading, choices: Choices) -> None:
    stream = read_tagged(path, None, reading)
    _check_texts(row.text for row in stream)
    for notice in stream.notices:
        require(notice, "an empty notice")


def _read_inputs(read: Callable[..., InputRows], path: str, reading: Reading, choices: Choices) -> None:
    rows = read(path, None, reading, None)
    for batch in rows:
        batch.validate(full=True)
        require(batch.column("text").null_count == 0, "an absent text")
        copied = batch.column("copied").to_pylist()
        if rows.copied_as_json:
            for value in (value for row in copied for value in row.values() if value is not None):
                json.loads(value, parse_int=str)
    for notice in rows.notices:
        require(notice, "an empty notice")


def _infer(path: str, reading: Reading, choices: Choices) -> None:
    """What training does before it imports TensorFlow."""
    task = task_spec(infer_task(path, reading))
    (data,) = task.load_slices(path, None, reading)
    for notice in task.check(data):
        require(notice, "an empty notice")
    task.settings_from(data)
    require(task.sample_size(data) > 0, "a sample without rows")
    try:
        parts = data.split(0.7, seed=1)
    except DataError:
        return
    require(sum(map(len, parts)) == len(data), "a split that loses rows")


_WAYS: dict[str, Callable[[str, Reading, Choices], None]] = {
    "dataset": _read_dataset,
    "tagged": _read_tagged_dataset,
    "stream": _read_stream,
    "tagged stream": _read_tagged_stream,
    "inputs": partial(_read_inputs, read_inputs),
    "tagged inputs": partial(_read_inputs, read_tagged_inputs),
    "infer": _infer,
}


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return file.getvalue()


def _encoded(texts: Iterable[str]) -> list[bytes]:
    return [text.encode() for text in texts]


_DELIMITED_OPTIONS = ("encoding", "delimiter", "quotes", "header")
_PLAIN_WAYS = ("dataset", "dataset", "dataset", "stream", "inputs", "infer", "tagged")
_TAGGED_WAYS = ("tagged", "tagged", "tagged", "tagged stream", "tagged inputs", "infer", "dataset")

CSV = Reader(
    partial(_read_file, names=("a.csv", "a.csv", "a.tsv", "a.txt"), ways=_PLAIN_WAYS, file_options=_DELIMITED_OPTIONS),
    lambda: _encoded(samples.CSV),
    TABLE,
)
JSONL = Reader(
    partial(_read_file, names=("a.jsonl", "a.json"), ways=_PLAIN_WAYS, file_options=("encoding",)),
    lambda: _encoded(samples.JSONL),
    JSON,
)
CONLL = Reader(
    partial(_read_file, names=("a.conll", "a.conll", "a.iob", "a.txt"), ways=_TAGGED_WAYS, file_options=("encoding",)),
    lambda: _encoded(samples.CONLL),
    TEXT + TABLE[-4:],
)
ANNOTATIONS = Reader(
    partial(_read_file, names=("a.jsonl", "a.json"), ways=_TAGGED_WAYS, file_options=("encoding",)),
    lambda: _encoded(samples.ANNOTATIONS),
    JSON,
)
