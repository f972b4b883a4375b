"""Cleaning of texts before the tokenizer, as TensorFlow's graph does it in training."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any


class TextCleaner:
    """Applies steps in their order to texts."""

    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Take "cleaning" of the settings: patterns with replacements, and maps of characters."""
        self._steps = [*map(_function, steps)]

    def __call__(self, text: str) -> str:
        """The clean text."""
        for step in self._steps:
            text = step(text)
        return text


def _function(step: Mapping[str, Any]) -> Callable[[str], str]:
    if "characters" in step:
        table = str.maketrans(step["characters"])
        return lambda text: text.translate(table)
    replaced = _replacing(step["pattern"], step["replacement"])
    if "last" not in step:
        return replaced
    replaced_after, last = _replacing(step["pattern_after_last"], step["replacement"]), step["last"]

    def function(text: str) -> str:
        # After the last end of a comment, each start of one would be followed to the end of the text in vain.
        before, separator, after = text.rpartition(last)
        return replaced(before + separator) + replaced_after(after)

    return function


def _replacing(pattern: str, replacement: str) -> Callable[[str], str]:
    return partial(re.compile(pattern).sub, lambda _: replacement)
