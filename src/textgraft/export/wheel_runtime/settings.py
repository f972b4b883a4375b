"""inference.json: what surrounds the network and the tokenizer, checked when it is read."""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ENTITIES, VECTORS = "token-classification", "feature-extraction"
CLEANING, NGRAMS = "cleaning", "ngrams"  # keys that not all models have
ABSTAIN_BELOW, SET_THRESHOLD, REJECT_ABOVE = "abstain_below", "set_threshold", "reject_above"  # likewise

_TASKS = ("text-classification", ENTITIES, VECTORS)
_PROBLEMS = ("single-label", "multi-label", "regression")
_TRUNCATIONS = ("head", "head+tail", "windows")
_SPECIAL = ("start", "end", "pad", "unknown")
_MAX_ID = 2**31 - 1


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MAX_ID


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, OverflowError):
        return False
    return True


def _is_map(value: Any) -> bool:
    """Whether characters are mapped to strings."""
    return isinstance(value, dict) and all(len(key) == 1 and isinstance(value[key], str) for key in value)


def _is_step(value: Any) -> bool:
    """Whether a step of the cleaning is a map of characters, or a pattern with its replacement."""
    if not isinstance(value, dict):
        return False
    checks = next((checks for checks in _STEP_CHECKS if checks.keys() == value.keys()), None)
    return checks is not None and all(holds(value[key]) for key, holds in checks.items())


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len({*value}) == len(value)


def _is_special(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= {*_SPECIAL}
        and all(value[name] is None or _is_id(value[name]) for name in _SPECIAL)
        and value["pad"] is not None
    )


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_length(value: Any) -> bool:
    return value is None or (_is_id(value) and value > 0)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "task": lambda value: value in _TASKS,
    "problem": lambda value: value is None or value in _PROBLEMS,
    "pairs": lambda value: isinstance(value, bool),
    "labels": _is_names,
    "classes": lambda value: isinstance(value, list) and all(isinstance(item, str | int | float) for item in value),
    "sequence_length": _is_length,
    "truncation": lambda value: value in _TRUNCATIONS,
    "special": _is_special,
    "prompt": lambda value: isinstance(value, str),
}
_ENTITY_CHECKS: dict[str, Callable[[Any], bool]] = {
    "tags": _is_names,
    "decoding": lambda value: value in ("constrained", "free"),
    "word_pattern": _is_pattern,
    "space_before_words": lambda value: isinstance(value, bool),
}
# Of entities, where they differ from those of earlier versions.
_OPTIONAL_CHECKS: dict[str, Callable[[Any], bool]] = {
    "scoring": lambda value: value in ("spans", "words"),
    "min_confidence": _is_share,
}
_REPLACEMENT_CHECKS: dict[str, Callable[[Any], bool]] = {
    "pattern": _is_pattern,
    "replacement": lambda value: isinstance(value, str),
}
_AFTER_CHECKS: dict[str, Callable[[Any], bool]] = {
    "last": lambda value: isinstance(value, str) and value != "",
    "pattern_after_last": _is_pattern,
}
_STEP_CHECKS = ({"characters": _is_map}, _REPLACEMENT_CHECKS, {**_REPLACEMENT_CHECKS, **_AFTER_CHECKS})
_NGRAM_CHECKS: dict[str, Callable[[Any], bool]] = {
    "lower": _is_map,
    "between_words": _is_pattern,
    "single": _is_pattern,
    "character": _is_pattern,
    "buckets": lambda value: _is_id(value) and value > 0,
    "min_squared_norm": lambda value: isinstance(value, float) and value > 0,
}


def read_settings(path: Path) -> Mapping[str, Any]:
    """Read the file.

    Raises:
        ValueError: when it is damaged; names the file and the problem.
        OSError: when it cannot be read.
    """
    try:
        settings = json.loads(path.read_text("utf-8"))
        _check(settings)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return settings  # type: ignore[no-any-return]


def _check(settings: Any) -> None:
    """Raise a ValueError for the first key with a value that no model has."""
    _check_keys(settings, _CHECKS, "it")
    if settings["task"] == ENTITIES:
        _check_keys(settings, _ENTITY_CHECKS, "it")
        _check_keys(settings, {name: _OPTIONAL_CHECKS[name] for name in _OPTIONAL_CHECKS if name in settings}, "it")
    _check_together(settings)
    if CLEANING in settings:
        _check_keys(settings, {CLEANING: lambda steps: isinstance(steps, list) and all(map(_is_step, steps))}, "it")
    if NGRAMS in settings:
        _check_keys(settings[NGRAMS], _NGRAM_CHECKS, NGRAMS)


def _check_keys(values: Any, checks: Mapping[str, Callable[[Any], bool]], name: str) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is not an object")
    for key, holds in checks.items():
        if key not in values:
            raise ValueError(f"{name} has no {key}")
        try:
            is_valid = holds(values[key])
        except TypeError:  # of what has no hash
            is_valid = False
        if not is_valid:
            raise ValueError(f"{key} {values[key]!r:.60} is not valid")


def _check_together(settings: Mapping[str, Any]) -> None:
    """Raise a ValueError for values that do not fit each other."""
    task, problem, labels = settings["task"], settings["problem"], settings["labels"]
    is_classifier = problem in ("single-label", "multi-label")
    if (problem is None) != (task in (ENTITIES, VECTORS)):
        raise ValueError(f"problem {problem} is not one of task {task}")
    if len(labels) != len(settings["classes"]) or (is_classifier or task == ENTITIES) != bool(labels):
        raise ValueError("labels or classes do not fit the task")
    thresholds = settings.get("thresholds") if problem == "multi-label" else [0.5] * len(labels)
    if not isinstance(thresholds, list) or len(thresholds) != len(labels):
        raise ValueError("thresholds are not those of the labels")
    if not all(map(_is_share, thresholds)):
        raise ValueError("a threshold is not a number from 0 to 1")
    if task == ENTITIES and settings["tags"] != ["O", *(f"{kind}-{label}" for label in labels for kind in "BI")]:
        raise ValueError("tags are not those of the labels")
    for name, holds in ((ABSTAIN_BELOW, _is_share), (SET_THRESHOLD, _is_share), (REJECT_ABOVE, _is_number)):
        if name in settings and (problem != "single-label" or not holds(settings[name])):
            raise ValueError(f"{name} {settings[name]!r:.60} is not valid")
    if NGRAMS in settings and (problem != "single-label" or settings["pairs"]):
        raise ValueError("ngrams do not suit the task")
    if settings["sequence_length"] is None and settings["truncation"] != "head" and task != ENTITIES:
        raise ValueError(f"truncation {settings['truncation']} needs a sequence_length")
