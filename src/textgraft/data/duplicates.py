"""Texts that are the same but for case, white space and Unicode form."""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

DIGEST = np.dtype("V16")


def fold(text: str) -> str:
    """Compose (NFC), fold case, and put one space for each run of white space, none at the ends.

    Args:
        text: or several with NULs between them, each of which is folded.
    """
    if text.isascii():
        folded = text.lower()
    else:  # some composed letters fold to others that can be composed again
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "\0".join(" ".join(part.split()) for part in folded.split("\0"))


def digests(texts: Iterable[bytes]) -> np.ndarray:
    """Digests of folded texts, V16 (n,); equal where the folded texts are equal.

    Args:
        texts: in UTF-8.
    """
    return np.fromiter((blake2b(fold(text.decode()).encode(), digest_size=16).digest() for text in texts), DIGEST)


def shared(known: np.ndarray, others: np.ndarray) -> int:
    """How many of `others` occur in `known`; both are what `digests` gives."""
    return int(np.isin(others, known).sum())
