"""Files whose content is not what their name says, recognized by their first bytes."""

import re

# Beginning of the file: what it is, and what to do about it.
_CONTENTS = {
    rb"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the table as CSV",
    rb"\xd0\xcf\x11\xe0": "an old Excel workbook or another Office file; save the table as CSV or .xlsx",
    rb"PAR1": "a Parquet file; rename it to .parquet",
    rb"\x1f\x8b": "compressed by gzip; rename it to end in .gz",
    rb"BZh[1-9]1AY&SY": "compressed by bzip2; rename it to end in .bz2",
    rb"\x28\xb5\x2f\xfd": "compressed by zstd; rename it to end in .zst",
    rb"\xfd7zXZ\x00|7z\xbc\xaf\x27\x1c|Rar!": "an archive; unpack it",
    rb"(?s).{257}ustar": "a tar archive; unpack it",
    rb"%PDF-": "a PDF document; extract its text",
    rb"\{\\rtf": "a rich text document; save it as plain text",
    rb"SQLite format 3\x00": "an SQLite database; export the table as CSV",
    rb"ARROW1": "an Arrow file; write it as Parquet",
    rb"version https://git-lfs\.github\.com/spec": "a Git LFS pointer, not the file itself; fetch it with git lfs pull",
}
_JSON = re.compile(r'\s*(\[\s*)?\{\s*"|\s*\[\s*$')
_HTML = re.compile(r"\s*<(!doctype html|html|head)\b", re.IGNORECASE)


def foreign_content(data: bytes) -> str | None:
    """What the beginning of a file shows that is not text, and what to do about it, for a message; None for text."""
    return next((content for pattern, content in _CONTENTS.items() if re.match(pattern, data)), None)


def json_text(text: str) -> str | None:
    """`foreign_content` of the beginning of a table that is JSON."""
    return "JSON; rename it to .json, or set format to json" if _JSON.match(text) else None


def web_page(text: str) -> str | None:
    """`foreign_content` of the beginning of a table or of JSON that is a web page."""
    return "a web page (HTML); download the file itself" if _HTML.match(text) else None
