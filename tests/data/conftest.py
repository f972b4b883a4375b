"""Small files in every format."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Rows = list[tuple[str, str]]


def _delimited(rows: Rows, delimiter: str) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])
    return file.getvalue().encode()


def _jsonl(rows: Rows) -> bytes:
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows).encode()


def _parquet(rows: Rows) -> bytes:
    file = io.BytesIO()
    texts, labels = zip(*rows, strict=True) if rows else ((), ())
    pq.write_table(pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(labels, pa.string())}), file)
    return file.getvalue()


def _zip(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.csv", content)
        archive.writestr("__MACOSX/._0.csv", b"")
    return file.getvalue()


WRITERS = {
    "csv": lambda rows: _delimited(rows, ","),
    "tsv": lambda rows: _delimited(rows, "\t"),
    "jsonl": _jsonl,
    "parquet": _parquet,
}
COMPRESSORS = {
    ".gz": gzip.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".zip": lambda content: _zip(content),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes | Rows], Path]:
    """Write a file: bytes or a string as they are, rows in the format of its ending; compress by a second ending."""

    def write_file(name: str, content: str | bytes | Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = WRITERS[name.split(".")[1]](content)
        elif isinstance(content, str):
            content = content.encode()
        path.write_bytes(COMPRESSORS.get(path.suffix, bytes)(content))
        return path

    return write_file


@pytest.fixture(params=["csv", "tsv", "jsonl", "parquet"])
def labelled_format(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["csv", "tsv", "jsonl"])
def labelled_text_format(request: pytest.FixtureRequest) -> str:
    return request.param
