"""Changes of a text that leave its meaning: case, typing errors, punctuation and contractions."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from random import Random

Perturbation = Callable[[str, Random], str]

_TYPO_SHARE = 0.1  # of words
_MIN_LENGTH = 4  # of a word with a typing error
_WORD = re.compile(r"[^\W\d_]+")
_INNER_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_CONTRACTIONS = {
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "is not": "isn't", "are not": "aren't",
    "was not": "wasn't", "were not": "weren't", "have not": "haven't", "has not": "hasn't", "had not": "hadn't",
    "cannot": "can't", "could not": "couldn't", "would not": "wouldn't", "should not": "shouldn't", "will not": "won't",
    "i am": "i'm", "it is": "it's", "that is": "that's", "you are": "you're", "we are": "we're", "they are": "they're",
    "i have": "i've", "i will": "i'll",
}  # fmt: skip
_SWITCHED = {**_CONTRACTIONS, **{short: long for long, short in _CONTRACTIONS.items()}}
_PHRASE = re.compile(rf"\b({'|'.join(map(re.escape, _SWITCHED))})\b", re.IGNORECASE)


def lower_case(text: str, random: Random) -> str:
    """All letters in lower case."""
    return text.lower()


def upper_case(text: str, random: Random) -> str:
    """All letters in upper case."""
    return text.upper()


def with_typos(text: str, random: Random) -> str:
    """Two neighbouring letters are exchanged in a tenth of the words of at least four letters, in one at least."""
    words = [match.span() for match in _WORD.finditer(text) if match.end() - match.start() >= _MIN_LENGTH]
    if not words:
        return text
    letters = list(text)
    for start, end in random.sample(words, max(1, round(_TYPO_SHARE * len(words)))):
        position = random.randrange(start + 1, end - 1)
        letters[position], letters[position + 1] = letters[position + 1], letters[position]
    return "".join(letters)


def without_punctuation(text: str, random: Random) -> str:
    """Without punctuation marks, other than apostrophes within words."""
    inner = {match.start() for match in _INNER_APOSTROPHE.finditer(text)}
    return "".join(
        mark for index, mark in enumerate(text) if index in inner or not unicodedata.category(mark).startswith("P")
    )


def switched_contractions(text: str, random: Random) -> str:
    """English contractions are written out, and words that have one are contracted."""
    return _PHRASE.sub(lambda match: _as_case(match[0], _SWITCHED[match[0].lower()]), text)


def _as_case(original: str, replacement: str) -> str:
    return replacement[0].upper() + replacement[1:] if original[0].isupper() else replacement


PERTURBATIONS: Mapping[str, Perturbation] = {
    "lower case": lower_case,
    "upper case": upper_case,
    "typing errors": with_typos,
    "no punctuation": without_punctuation,
    "contractions": switched_contractions,
}
