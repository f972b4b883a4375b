"""Licences of pretrained weights."""

import re
from contextlib import suppress
from pathlib import Path

from textgraft.backbones.presets import list_presets

_CARD, _MAX_BYTES = "README.md", 2**20
# The key in the metadata at the beginning of a model card of the Hugging Face hub.
_LICENCE = re.compile(r"\A---\n(?:(?!---).*\n)*?license: *['\"]?([A-Za-z0-9][A-Za-z0-9.+-]{0,60})['\"]?\n")


def licence_of(preset: str) -> str:
    """The licence of a preset's weights as its list of presets or its model card names it; "" where unknown."""
    for entry in list_presets():
        if preset in (entry.name, entry.address):
            return entry.licence
    with suppress(OSError, RuntimeError, ValueError):  # a name that no file can have
        with (Path(preset).expanduser() / _CARD).open("rb") as file:
            card = file.read(_MAX_BYTES).decode()
        if match := _LICENCE.match(card):
            return match[1]
    return ""
