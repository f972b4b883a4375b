"""Descriptions of labels: what each label means, in a few words or sentences."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgraft.data.duplicates import first_duplicate
from textgraft.data.folding import fold
from textgraft.data.label_types import label_name, label_type
from textgraft.data.labels import join_labels, show_label
from textgraft.data.python_inputs import type_name
from textgraft.errors import ConfigError
from textgraft.storage.toml_files import read_toml

# The descriptions of each label, in the order of the labels.
Descriptions = dict[str, tuple[str, ...]]

MAX_DESCRIPTIONS = 100  # of a label
MAX_CHARACTERS = 2000  # of a description
_INVALID = re.compile("[\0\ud800-\udfff]")
_SEPARATORS = str.maketrans(dict.fromkeys("_-/&,.'\u2019", " "))  # between the words of a name


def read_descriptions(source: Any, labels: Sequence[str] = ()) -> Descriptions:
    """Descriptions from a TOML file or a mapping, each a string or a list of strings by label.

    Args:
        source: path of the file, or a mapping.
        labels: as they are stored; without any, they are the keys of the source.

    Raises:
        ConfigError: for a file that cannot be read, another object, a label that is unknown or has no description, and
            a description that is empty, too long, not a string or occurs twice.
    """
    location = "descriptions"
    if isinstance(source, str | Path):
        location, source = str(source), read_toml(Path(source))
    elif not isinstance(source, Mapping):
        raise ConfigError(f"descriptions must be a mapping from labels to texts or a path, not {type_name(source)}")
    values = {_key(key): (value,) if isinstance(value, str) else value for key, value in source.items()}
    if len(values) < len(source):
        twice = first_duplicate(map(_key, source))
        raise ConfigError(f"{location}: two keys are the label {show_label(twice)}; drop one")
    if problem := why_invalid(values, labels or list(values)):
        raise ConfigError(f"{location}: {problem}")
    return {label: tuple(values[label]) for label in labels or values}


def why_invalid(descriptions: Mapping[str, Any], labels: Sequence[str]) -> str:
    """The problem of descriptions by label, with its fix; empty where there is none."""
    known = set(labels)
    if unknown := [label for label in descriptions if label not in known]:
        return f"unknown label {show_label(unknown[0])}; the labels are {join_labels(labels)}"
    if missing := [label for label in labels if label not in descriptions]:
        return f"no description of {join_labels(missing)}; add a line for each label"
    seen: dict[str, str] = {}
    for label, texts in descriptions.items():
        name = show_label(label)
        if not isinstance(texts, list | tuple):
            return f"{name} must be a string or a list of strings, not {type_name(texts)}{_advice(texts)}"
        if not 1 <= len(texts) <= MAX_DESCRIPTIONS:
            return f"{name} has {len(texts):,} descriptions; write 1 to {MAX_DESCRIPTIONS}"
        for number, text in enumerate(texts, start=1):
            if problem := _problem(text):
                return f"{name}, description {number} {problem}"
            if (key := fold(text)) in seen:
                other = "twice" if seen[key] == label else f"for {show_label(seen[key])} too"
                return f"{name}, description {number} occurs {other}: {text!r:.60}; write it once"
            seen[key] = label
    return ""


def describe_by_name(labels: Iterable[str]) -> Descriptions:
    """Each label's name as its description.

    Raises:
        ConfigError: for a name that is not a word, such as "0", "pos1" or "LABEL_3".
    """
    names = list(labels)
    if nameless := [label for label in names if not is_word(label)]:
        raise ConfigError(
            f"the label {show_label(nameless[0])} is not a word, so its name does not describe it; set descriptions to "
            "a TOML file with a line for each label"
        )
    return {label: (" ".join(label.replace("_", " ").split()),) for label in names}


def is_word(name: str) -> bool:
    """Whether a name consists of letters, in one or several words; a single letter of an alphabet is no word."""
    letters = "".join(name.translate(_SEPARATORS).split())
    if len(letters) == 1 and letters.lower() != letters.upper():
        return False
    return bool(letters) and all(unicodedata.category(character)[0] in "LM" for character in letters)


def _key(key: Any) -> str:
    """A key of a mapping as labels are stored."""
    if label_type(key) is None:
        raise ConfigError(f"descriptions: a label must be a string, integer or boolean, not {type_name(key)}")
    return label_name(key)


def _problem(text: Any) -> str:
    if not isinstance(text, str):
        return f"must be a string, not {type_name(text)}"
    if not text.strip():
        return "is empty; write a few words"
    if _INVALID.search(text):
        return "has a null character or half of a surrogate pair; remove it"
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text):,} characters; write at most {MAX_CHARACTERS:,}"
    return ""


def _advice(value: Any) -> str:
    return "; write a label with a point in quotes" if isinstance(value, Mapping) else ""
