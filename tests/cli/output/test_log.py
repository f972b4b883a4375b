"""Messages of commands."""

import pytest

from textgraft.cli.output.console import show_duration
from textgraft.cli.output.log import with_flags


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("set text to one of: a, b", "set --text to one of: a, b"),
        ("choose another name or set overwrite", "choose another name or set --overwrite"),
        ("set normalize_labels to merge them", "set --normalize-labels to merge them"),
        ("add texts, or set balance to weights", "add texts, or set --balance to weights"),
        ("set quotes=False (--no-quotes)", "set quotes=False (--no-quotes)"),
        ("a set of labels, a validation set", "a set of labels, a validation set"),
    ],
)
def test_options_in_messages_are_flags(message, words):
    assert with_flags(message) == words


def test_long_durations_are_in_hours():
    durations = [show_duration(seconds) for seconds in (2.74, 78, 7140, 52128)]
    assert durations == ["2.7 seconds", "1.3 minutes", "119.0 minutes", "14.5 hours"]
