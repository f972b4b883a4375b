"""Languages, or scripts, of texts, and the presets that know them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from textgraft.backbones.presets import list_presets

_PRESETS = 4
_KANA_SHARE = 0.1  # of the letters of a Japanese text; the others are Chinese characters

# Languages by the first word of the Unicode names of their letters. Those of the second table are among the hundred of
# XLM-RoBERTa, but not in multilingual BERT's vocabulary.
_LANGUAGES = {
    "ARABIC": "Arabic script",
    "ARMENIAN": "Armenian",
    "BENGALI": "Bengali",
    "CJK": "Chinese",
    "CYRILLIC": "Cyrillic script",
    "DEVANAGARI": "Devanagari",
    "GEORGIAN": "Georgian",
    "GREEK": "Greek",
    "GUJARATI": "Gujarati",
    "GURMUKHI": "Punjabi",
    "HANGUL": "Korean",
    "HEBREW": "Hebrew",
    "HIRAGANA": "Japanese",
    "KANNADA": "Kannada",
    "KATAKANA": "Japanese",
    "MALAYALAM": "Malayalam",
    "MYANMAR": "Burmese",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "THAI": "Thai",
}
_NOT_IN_BERT = {"ETHIOPIC": "Amharic", "KHMER": "Khmer", "LAO": "Lao", "ORIYA": "Odia", "SINHALA": "Sinhala"}
_CODES = {"Chinese": "zh"}

_BERT = re.compile("(distil_)?bert_base_multi")


def language_of(text: str) -> str:
    """The language of the script of most letters, or the script where it has many languages; empty if unknown."""
    letters = filter(str.isalpha, unicodedata.normalize("NFKC", text))  # half-width and full-width letters too
    counts = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in letters)
    if counts["HIRAGANA"] + counts["KATAKANA"] > _KANA_SHARE * counts.total():
        return _LANGUAGES["HIRAGANA"]
    script = counts.most_common(1)[0][0] if counts else ""
    return {**_LANGUAGES, **_NOT_IN_BERT}.get(script, "")


def main_language(words: Sequence[str]) -> str:
    """The language of most letters of the words, or of most words, since a Chinese one has one letter; may be empty."""
    if language := language_of("".join(words)):
        return language
    counts = Counter(language_of(word) for word in words if any(map(str.isalpha, word)))
    language, count = counts.most_common(1)[0] if counts else ("", 0)
    return language if 2 * count > counts.total() else ""


def presets_for(language: str) -> list[str]:
    """Names of presets that know a language, those for it alone first, then the smallest."""
    code = _CODES.get(language, "")
    entries = [entry for entry in list_presets() if entry.languages in ("multi", code)]
    if language in _NOT_IN_BERT.values():
        entries = [entry for entry in entries if not _BERT.fullmatch(entry.name)]
    entries.sort(key=lambda entry: (entry.languages != code, entry.parameters))
    return [entry.name for entry in entries][:_PRESETS]
