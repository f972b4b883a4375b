"""Words of a text in lower case; characters of scripts without spaces are words."""

import re

from textgraft.data.scripts import UNSPACED

_WORD = re.compile(r"\w+")
_CHARACTER_OR_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")


def split_text_words(text: str) -> list[str]:
    """The words of a text in order."""
    return (_WORD if text.isascii() else _CHARACTER_OR_WORD).findall(text.lower())
