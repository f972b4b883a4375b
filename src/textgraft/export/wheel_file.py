"""A wheel: a zip file of a package and its metadata, the same bytes for the same content.

Sources: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and
https://packaging.python.org/en/latest/specifications/core-metadata/
"""

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from textgraft.storage.syncing import FileContent

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can have
_MODE = 0o644 << 16
_STORED = (".onnx", ".onnx_data", ".gz")  # weights, which hardly shrink, and what is compressed
_LICENCE_FILE = "LICENSE"
_REQUIRES_PYTHON = ">=3.10"


class Metadata(NamedTuple):
    """What pip knows of a distribution.

    Attributes:
        name: its name.
        version: in its canonical form.
        requires: the packages that it needs, such as "numpy>=1.26".
        licence: the name of its licence.
        licence_text: the content of its file LICENSE.
    """

    name: str
    version: str
    requires: Sequence[str]
    licence: str
    licence_text: str


def write_wheel(path: Path, distribution: Metadata, files: Mapping[str, FileContent]) -> None:
    """Write a wheel for any platform.

    Args:
        path: a new file, named by `wheel_name`.
        distribution: what it is.
        files: content by path in the wheel.
    """
    name, version, requires, licence, licence_text = distribution
    info = f"{_escaped(name)}-{version}.dist-info"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        "Summary: A model of texts, exported by textgraft.",
        f"License: {licence}",
        f"License-File: {_LICENCE_FILE}",
        f"Requires-Python: {_REQUIRES_PYTHON}",
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    tags = ["Wheel-Version: 1.0", "Generator: textgraft", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    files = {
        **files,
        f"{info}/{_LICENCE_FILE}": [licence_text.encode()],
        f"{info}/METADATA": [_lines(metadata)],
        f"{info}/WHEEL": [_lines(tags)],
    }
    record = []
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            digest, size = hashlib.sha256(), 0
            with archive.open(_entry(file), "w", force_zip64=True) as entry:
                for piece in content:
                    entry.write(piece)
                    digest.update(piece)
                    size += memoryview(piece).nbytes
            encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
            record.append(f"{file},sha256={encoded},{size}")
        archive.writestr(_entry(f"{info}/RECORD"), _lines([*record, f"{info}/RECORD,,"]))


def wheel_name(name: str, version: str) -> str:
    """The file name of a wheel for any platform."""
    return f"{_escaped(name)}-{version}-py3-none-any.whl"


def _escaped(name: str) -> str:
    """The name of a distribution in the names of files."""
    return "_".join(filter(None, name.replace("-", "_").replace(".", "_").lower().split("_")))


def _entry(file: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file, _TIME)
    entry.external_attr = _MODE
    entry.compress_type = zipfile.ZIP_STORED if file.endswith(_STORED) else zipfile.ZIP_DEFLATED
    return entry


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
