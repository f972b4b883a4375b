"""Small text and JSON files of presets; a file that is missing or of another kind is a PresetError."""

import json
import re
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError

_POINTER, _MAX_POINTER_BYTES = b"version https://git-lfs.github.com/spec/", 1024
_HEAD = re.compile(r"((LMHead|DoubleHeads|PreTrained)?Model|For\w+)$")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    content = _parse(path)
    if not isinstance(content, dict):
        raise PresetError(f"{path} is not a JSON object; download the preset again")
    return content


def read_json_list(path: Path) -> list[Any]:
    """A JSON array."""
    content = _parse(path)
    if not isinstance(content, list):
        raise PresetError(f"{path} is not a JSON array; download the preset again")
    return content


def read_optional_json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one when the file does not exist."""
    return read_json(path) if path.exists() else {}


def _parse(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except RecursionError:
        raise PresetError(f"{path} is nested too deeply; download the preset again") from None
    except ValueError as error:
        raise PresetError(f"{path} is not valid JSON: {error}; download the preset again") from error


def published_name(folder: Path) -> str | None:
    """The family in config.json; None without one.

    Hugging Face names it in model_type, or else by a class in architectures, and KerasHub in class_name.
    """
    try:
        config = read_optional_json(folder / "config.json")
    except PresetError:
        return None
    return config.get("model_type") or config.get("class_name") or _family_of_class(config.get("architectures"))


def _family_of_class(architectures: Any) -> str | None:
    """A family from its class's name, such as bert from ["BertForMaskedLM"]."""
    if not (isinstance(architectures, list) and architectures and isinstance(architectures[0], str)):
        return None
    family = _HEAD.sub("", architectures[0])
    return family.lower() or None


def refuse_placeholders(path: Path) -> None:
    """Raise a PresetError for a pipe, a device, or a file that Git LFS has not downloaded, at a path or in a folder."""
    files = [*path.glob("*"), *path.glob("[!.]*/*")] if path.is_dir() else [path]
    for file in files:
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise PresetError(f"{file} is not a regular file; download the preset again")
        if is_lfs_pointer(file):
            raise PresetError(
                f"{file} is a pointer of Git LFS, not the file itself; run `git lfs pull` in {file.parent}, or "
                "download the file"
            )


def is_lfs_pointer(path: Path) -> bool:
    """Whether Git LFS has left its few lines in place of a file."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_POINTER_BYTES:
            return False
        return path.read_bytes().startswith(_POINTER)
    except OSError:
        return False


def read_text(path: Path) -> str:
    """UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PresetError(f"cannot read {path}: {error.strerror}; the preset requires this file") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"{path} is not UTF-8: {error}; download the preset again") from error


def read_preset_lines(path: Path) -> list[str]:
    """Lines of UTF-8 text, split at LF and CRLF only (a token may contain other line separators)."""
    return read_text(path).removesuffix("\n").replace("\r\n", "\n").split("\n")
