"""Messages on standard error."""

import pytest

from textgraft.cli.output.log import with_flags


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("set text to one of: a, b", "set --text to one of: a, b"),
        ("set normalize_labels to merge them", "set --normalize-labels to merge them"),
        ("add texts, or set balance to weights", "add texts, or set --balance to weights"),
        ("set quotes=False (--no-quotes)", "set quotes=False (--no-quotes)"),
        ("a set of labels, a validation set", "a set of labels, a validation set"),
    ],
)
def test_options_in_messages_are_flags(message, words):
    assert with_flags(message) == words
