"""Small files of presets, read with one clear line when they are not what they should be."""

import json
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        PresetError: when the file is missing or holds none.
    """
    try:
        content = json.loads(read_text(path))
    except ValueError as error:
        raise PresetError(f"{path} is no JSON: {error}; fetch the preset again") from error
    if not isinstance(content, dict):
        raise PresetError(f"{path} holds no JSON object; fetch the preset again")
    return content


def read_json_if_there(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is no file."""
    return read_json(path) if path.exists() else {}


def read_text(path: Path) -> str:
    """UTF-8 text.

    Raises:
        PresetError: when the file is missing or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PresetError(f"{path} cannot be read: {error.strerror}; the preset needs it") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"{path} is no UTF-8: {error}; fetch the preset again") from error


def read_lines(path: Path) -> list[str]:
    """Lines of UTF-8 text, whatever characters are in them."""
    return read_text(path).removesuffix("\n").replace("\r\n", "\n").split("\n")
