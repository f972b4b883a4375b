"""The script in which a text is written."""

import unicodedata
from collections import Counter
from itertools import islice

_LETTERS = 40  # of a text that are looked at
_NAMES = {"CJK": "Han", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}
NO_LETTERS = "no letters"


def main_script(text: str) -> str:
    """The script of most of a text's first letters, such as "Latin", "Han" or "Arabic", by their Unicode names."""
    letters = islice((character for character in text if character.isalpha()), _LETTERS)
    if text.isascii():
        return "Latin" if next(letters, None) else NO_LETTERS
    counts = Counter(_script(letter) for letter in letters)
    return counts.most_common(1)[0][0] if counts else NO_LETTERS


def _script(letter: str) -> str:
    word = unicodedata.name(letter, "UNKNOWN").split()[0]
    return _NAMES.get(word, word.capitalize())
