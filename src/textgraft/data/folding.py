"""Texts and labels in a form in which duplicates are equal."""

import unicodedata


def fold(text: str) -> str:
    """Normalize a text for finding duplicates: NFC, case folding, and single spaces for runs of white space.

    Texts joined by NULs are normalized separately.
    """
    if text.isascii():
        folded = text.lower()
    else:  # some composed letters fold to others that can be composed again
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "\0".join(" ".join(part.split()) for part in folded.split("\0"))
