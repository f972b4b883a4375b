"""The cleaning of texts as steps that Python can run, for the package for pip."""

from typing import Any

from textgraft.errors import ConfigError
from textgraft.text.cleaning import HTML_COMMENT_END, HTML_ENTITIES, HTML_MARKUP, HTML_TAG, Cleaning
from textgraft.text.ops import lower_case_map, python_pattern


def cleaning_steps(cleaning: Cleaning) -> list[dict[str, Any]]:
    """The steps in their order, as JSON values, of the settings "cleaning".

    Each has a "pattern" with its "replacement", or "characters", a map to what replaces them. The step for markup has
    another pattern for what follows the last end of a comment; see `wheel_runtime.cleaning`.

    Raises:
        ConfigError: for Unicode normalization, whose tables Python has in other versions.
    """
    if cleaning.normalize_unicode:
        raise ConfigError("Unicode normalization is exported to savedmodel only; choose it, or train without it")
    steps: list[dict[str, Any]] = []
    if cleaning.strip_html:
        after_comments = {"last": HTML_COMMENT_END, "pattern_after_last": HTML_TAG}
        steps.append({"pattern": HTML_MARKUP, "replacement": " ", **after_comments})
        steps += [{"pattern": entity, "replacement": character} for entity, character in HTML_ENTITIES.items()]
    if cleaning.lowercase:
        steps.append({"characters": lower_case_map()})
    if cleaning.strip_punctuation:
        steps.append({"pattern": python_pattern(r"[\pP]"), "replacement": ""})
    return steps
