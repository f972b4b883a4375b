"""Encodings of text files, recognized by evidence: byte order marks, NUL bytes, and the characters that bytes make."""

import codecs
import re
from collections.abc import Iterable

_SAMPLE = 1 << 15  # bytes of lines that are not ASCII
# The marks of UTF-32 come first: that of UTF-16 is the beginning of one of them.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
_OTHERS = (
    "gb18030", "big5", "cp932", "cp949", "euc_jp", "koi8_r", "koi8_u", "cp1251", "iso8859_5", "cp866", "cp1253",
    "cp1255", "cp1256", "cp874",
)  # fmt: skip
_EAST_ASIAN = ("gb18030", "big5", "cp949", "euc_jp")
_NAMES = {"cp949": "euc-kr", "koi8_r": "koi8-r", "koi8_u": "koi8-u", "euc_jp": "euc-jp", "cp932": "shift-jis"}
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{2,}")
_FREQUENT = frozenset("áâàäåæçéèêëíîïñóôöøúûüß’")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]")
_SIGN = re.compile("[‘-”‚„†‡•…‰‹›€™–—\u00a0¡£§©ª«®°´·º»¿]")
# What letters of Polish, Czech, Croatian, Romanian or Turkish become when they are read as cp1252.
_NOT_WESTERN = re.compile("[³¹¾ŠšŽžÞþ\ufffd]|\\w[¿£¥ªº]\\w|ø.*ì|ì.*ø", re.DOTALL)
_HUNGARIAN, _NOT_HUNGARIAN = re.compile("[õû]"), re.compile("[ãçèàêîô]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_KANA = re.compile("[\u3041-\u30fe]")
_TWO_BYTES = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")


def byte_order_mark(data: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning names, or None."""
    return next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)


def likely_encoding(data: bytes) -> str | None:
    """The encoding that the beginning of a text file, or some of its lines, is likely in; None without evidence.

    ASCII is UTF-8. A character that is cut off at the end does not count.
    """
    if (name := byte_order_mark(data) or _utf16_without_mark(data)) is not None:
        return name
    if len(_CONTROLS.findall(data)) * 50 > len(data):
        return None  # not text
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    if not lines or is_utf8(data):
        return "utf-8"
    return _by_characters(_take(lines))


def is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8, except for a character that is cut off at the end."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _take(lines: Iterable[bytes]) -> bytes:
    sample = b"\n".join(lines)
    return sample if len(sample) <= _SAMPLE else sample[:_SAMPLE].rpartition(b"\n")[0] or sample[:_SAMPLE]


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 in which a third of the bytes are the zeros of ASCII characters, all at odd or all at even offsets."""
    sample = data[:_SAMPLE]
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    if not sample or min(zeros) or max(zeros) * 3 < len(sample):
        return None
    return "utf-16-be" if zeros[0] else "utf-16-le"


def _by_characters(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    if len(_KANA.findall(sample.decode("cp932", "replace"))) * 10 > len(sample):
        return "shift-jis"
    is_latin = _is_latin(sample)
    candidates = _LATIN if is_latin else _OTHERS
    matches = from_bytes(sample, cp_isolation=[*candidates], enable_fallback=False)
    names = [match.encoding for match in matches]
    if names[:1] == ["cp932"] and len(_HALF_WIDTH_KANA.findall(sample.decode("cp932", "replace"))) * 4 > len(sample):
        del names[0]
    name = names[0] if names else None
    if is_latin:
        name = _latin(sample, name)
    elif name in _EAST_ASIAN:
        name = _east_asian(sample)
    return None if name is None else _NAMES.get(name, name)


def _is_latin(sample: bytes) -> bool:
    """Whether few letters of a word are not ASCII, or not most and these are the frequent ones of Western languages."""
    words = b"".join(word for word in _WORD.findall(sample) if not word.isascii())
    share = sum(byte > 0x7F for byte in words) / max(1, len(words))
    letters = re.sub("[\0-\x7f]", "", words.decode("cp1252", "replace"))
    return share <= 0.4 or (share <= 0.7 and _FREQUENT.issuperset(letters))


def _latin(sample: bytes, likely: str | None) -> str | None:
    """The encoding of Latin script: cp1252, unless its characters are not those of Western languages."""
    text = sample.decode("cp1252", "replace")
    if {"ð", "ý"} <= set(text):
        return "cp1254"
    hungarian = _HUNGARIAN.search(text) and not _NOT_HUNGARIAN.search(text)
    if not _NOT_WESTERN.search(text) and not hungarian:
        return "cp1252"
    if not re.search(rb"[\x80-\x9f]", sample) and re.search("[øì]", text) and re.search("[¹¾]", text):
        return "iso8859-2"
    names = [name for name in (likely, "cp1250", "iso8859_2") if name not in (None, "cp1252")]
    return next((name for name in names if _are_letters(sample, name)), "cp1252")


def _are_letters(sample: bytes, encoding: str) -> bool:
    return _SIGN.sub("a", re.sub("[\0-\x7f]", "", sample.decode(encoding, "replace"))).isalpha()


def _east_asian(sample: bytes) -> str:
    """The encoding of Chinese, Japanese or Korean text, by the ranges of its frequent characters."""
    pairs: list[bytes] = _TWO_BYTES.findall(sample)

    def share(first: int, last: int, index: int = 0) -> float:
        return sum(first <= pair[index] <= last for pair in pairs) / max(1, len(pairs))

    if share(0x40, 0x7E, index=1) > 0.15:
        return "big5"
    if share(0xA4, 0xA5) > 0.2:  # kana
        return "euc_jp"
    return "cp949" if share(0xA1, 0xC8) > 0.95 else "gb18030"  # Hangul; half of the Chinese characters follow it
