"""The script of a text."""

import pytest

from textgraft.data.text_scripts import main_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a b", "Latin"),
        ("été", "Latin"),
        ("Привет", "Cyrillic"),
        ("日本", "Han"),
        ("12 !", "no letters"),
        ("", "no letters"),
    ],
)
def test_script_is_that_of_most_letters(text, script):
    assert main_script(text) == script
