"""Small text and JSON files of presets; a file that is missing or of another kind is a PresetError."""

import json
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        raise PresetError(f"{path} is not valid JSON: {error}; download the preset again") from error
    if not isinstance(content, dict):
        raise PresetError(f"{path} is not a JSON object; download the preset again")
    return content


def read_optional_json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one when the file does not exist."""
    return read_json(path) if path.exists() else {}


def published_name(folder: Path) -> str | None:
    """The family in config.json, as Hugging Face (model_type) or KerasHub (class_name) names it; None without one."""
    try:
        config = read_optional_json(folder / "config.json")
    except PresetError:
        return None
    return config.get("model_type") or config.get("class_name")


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
