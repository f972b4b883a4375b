"""The script in which a text is written."""

import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import islice

LATIN, NO_LETTERS = "Latin", "no letters"
_LETTERS = 1000  # of a text that are looked at
_NAMES = {"CJK": "Han", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}


def main_script(text: str) -> str:
    """The script of most of a text's first letters, such as "Latin", "Han" or "Arabic", by their Unicode names."""
    letters = islice(filter(str.isalpha, text), _LETTERS)
    if text.isascii():
        return LATIN if next(letters, None) else NO_LETTERS
    counts = Counter(map(_script, letters))
    return counts.most_common(1)[0][0] if counts else NO_LETTERS


@lru_cache(maxsize=1 << 14)
def _script(letter: str) -> str:
    word = unicodedata.name(letter, "UNKNOWN").split()[0]
    return _NAMES.get(word, word.capitalize())
