"""White space, and scripts written without spaces between words: their characters, and how words of them are joined.

The classes are the inside of a character class, which Python's regular expressions and RE2 read alike.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Unicode's separators, the control characters that Python counts as white space, and the zero-width space, which
# separates words in Thai, Lao, Khmer and Myanmar.
WHITE_SPACE = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000"

_HAN = "\u3005\u3007\u3021-\u3029\u3038-\u303c\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# With the marks that Unicode counts to no script, such as the prolonged sound mark of katakana, U+30FC.
_KANA = "\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_KANA_AND_BOPOMOFO = _KANA + "\U0001aff0-\U0001b16f\u3105-\u312f\u31a0-\u31bf"
_SOUTH_EAST_ASIAN = (
    "\u0e01-\u0e3a\u0e40-\u0e5b"  # Thai
    "\u0e81-\u0edf"  # Lao
    "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17f9\u19e0-\u19ff"  # Khmer
)
UNSPACED = _HAN + _KANA_AND_BOPOMOFO + _SOUTH_EAST_ASIAN
_EAST_ASIAN_SIGNS = "\u3001-\u3030\u303d-\u303f\u30a0\u30fb\uff01-\uff65"

_UNSPACED = re.compile(f"[{UNSPACED}]")
_NO_SPACE_BESIDE = re.compile(f"[{UNSPACED}{_EAST_ASIAN_SIGNS}]")
_MANY = 0.02  # share of words above which those of several characters are no exception


def is_unspaced(text: str) -> bool:
    """Whether a text has a character of a script without spaces between words."""
    return _UNSPACED.search(text) is not None


def unspaced_bounds(text: str) -> set[int]:
    """Where characters of scripts without spaces, each with its combining marks, begin and end in a text."""
    bounds = set()
    for match in _UNSPACED.finditer(text):
        for offset in match.span():
            if not unicodedata.category(text[offset : offset + 1] or " ").startswith("M"):
                bounds.add(offset)
    return bounds


def join_words(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The text of words, and start and end of each.

    Words are joined by single spaces, but not beside characters of scripts without spaces, and not where each word is
    one character and some are of such scripts.
    """
    if not is_unspaced("".join(words)):
        gaps = [1] * (len(words) - 1)
    elif all(_characters(word) <= 1 for word in words):
        gaps = [0] * (len(words) - 1)
    else:
        gaps = [int(not _NO_SPACE_BESIDE.search(word[-1] + following[0])) for word, following in pairwise(words)]
    offsets, parts, end = [], list[str](), 0
    for word, gap in zip(words, [*gaps, 0][: len(words)], strict=True):
        offsets.append((end, end + len(word)))
        parts += word, " " * gap
        end += len(word) + gap
    return "".join(parts), offsets


@dataclass
class WordLengths:
    """Counts the words of rows that have a character of a script without spaces.

    Attributes:
        unspaced: words with such a character, and `longer` those among them with several characters, such as `example`.
        others: words of one other character that is a letter or digit, and `longer_others` those of several.
    """

    unspaced: int = 0
    longer: int = 0
    others: int = 0
    longer_others: int = 0
    example: str = ""

    def add(self, words: Sequence[str]) -> None:
        """Count the words of a row."""
        if not is_unspaced("".join(words)):
            return
        for word in words:
            several = _characters(word) > 1
            if is_unspaced(word):
                self.unspaced += 1
                self.longer += several
                self.example = self.example or word * several
            elif word.isalnum():
                self.others += not several
                self.longer_others += several

    @property
    def by_character(self) -> bool:
        """Whether each word is one character, in all scripts."""
        return self.unspaced > 0 and self.longer <= _MANY * self.unspaced and self.longer_others <= self.others

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, without the source."""
        if not self.longer:
            return ()
        return (
            f"{self.longer:,} words of several characters, in scripts without spaces, such as {self.example!r:.40}, "
            "are split into characters, as running text is",
        )


def _characters(word: str) -> int:
    """Number of characters, each with its combining marks."""
    return 1 if len(word) == 1 else sum(not unicodedata.category(character).startswith("M") for character in word)
