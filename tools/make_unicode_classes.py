"""Make src/textgraft/text/unicode_classes.json: classes of code points as the `tokenizers` library defines them.

    python -m tools.make_unicode_classes

The library's regular expressions and grapheme clusters follow one version of Unicode whatever Python's is, and its
StripAccents follows an older one, so this script queries the library for every code point. To classify code points by
their effect on grapheme clusters it uses the normalizer `Precompiled`, which drops what follows a character with a rule
in a cluster of less than six bytes and keeps it in a longer one: each query is a text whose last accent stays or goes.
Precomposed Hangul syllables are left out. The names are those of https://www.unicode.org/reports/tr29/
"""

import json
from itertools import pairwise
from pathlib import Path

import tensorflow as tf
from tokenizers.normalizers import BertNormalizer, Precompiled, StripAccents
from tokenizers.pre_tokenizers import BertPreTokenizer, Split
from tools.character_tables import character_table

from tokenizers import Regex

FILE = Path(__file__).parents[1] / "src" / "textgraft" / "text" / "unicode_classes.json"
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
CLUSTER_CODES = [code for code in CODES if not 0xAC00 <= code < 0xD7A4]
PATTERNS = {"letters": r"\p{L}", "numbers": r"\p{N}", "spaces": r"\s"}

ACCENT, JOINER, HEART, KA, VIRAMA = "\u0301", "\u200d", "\u2764", "\u0915", "\u094d"
LEADING, VOWEL, TRAILING, QA, TWO_DOTS = "\u1100", "\u1161", "\u11a8", "\u0958", "\u0344"

# Text before and after the code point; the character with a rule; whether the accent of a member stays.
QUERIES = {
    "control": ("", "", TWO_DOTS, False),
    "prepend": ("", "", "b", True),
    "pictograph": ("", JOINER, "\u2122", True),
    "pictograph_extend": (HEART, JOINER, "\u2122", True),
    "consonant": ("", VIRAMA, QA, True),
    "linker": (KA, "", QA, True),
    "conjunct_extend": (KA, VIRAMA, QA, True),
    "before_leading": ("", "", LEADING, True),
    "before_vowel": ("", "", VOWEL, True),
    "before_trailing": ("", "", TRAILING, True),
}


def main() -> None:
    """Query every code point and write the file."""
    classes = {name: _matches(pattern) for name, pattern in PATTERNS.items()}
    classes["accents"] = {code for code in CODES if not StripAccents().normalize_str(chr(code))}
    classes["later_than_unicode_8"] = _later_than_unicode_8()
    classes |= _cluster_classes()
    spans = {name: " ".join(_spans(sorted(codes))) for name, codes in classes.items()}
    FILE.write_text(json.dumps(spans, indent=0) + "\n")


def _matches(pattern: str) -> set[int]:
    split = Split(Regex(pattern), "removed")
    return {code for code in CODES if not split.pre_tokenize_str(chr(code))}


def _later_than_unicode_8() -> set[int]:
    """Punctuation, marks and controls to RE2 that BERT's reference tokenizer takes for letters."""
    normalizer = BertNormalizer(handle_chinese_chars=False, strip_accents=True, lowercase=False)
    splitter = BertPreTokenizer()
    characters = [chr(code) for code in CODES]
    matches = tf.strings.regex_full_match([character.encode() for character in characters], r"[\pP\p{Mn}\pC]").numpy()
    return {
        ord(character)
        for character, is_match in zip(characters, matches, strict=True)
        if is_match
        and normalizer.normalize_str(character) == character
        and len(splitter.pre_tokenize_str(f"a{character}b")) == 1
    }


def _cluster_classes() -> dict[str, set[int]]:
    classes = {name: _members(*query) for name, query in QUERIES.items()}
    rule = Precompiled(character_table({"a": "A"}))
    classes["extend"] = {code for code in CLUSTER_CODES if rule.normalize_str("a" + chr(code)) == "A"}
    prepend = classes["prepend"]
    leading, vowel, trailing = (classes.pop(f"before_{name}") - prepend for name in ("leading", "vowel", "trailing"))
    classes |= {"hangul_leading": leading, "hangul_vowel": vowel - leading, "hangul_trailing": trailing - vowel}
    # === The queries for extending characters also find those that start a new sequence ===
    classes["pictograph_extend"] -= classes["pictograph"]
    classes["linker"] -= prepend
    classes["conjunct_extend"] -= classes["consonant"]
    return classes


def _members(before: str, after: str, ruled: str, accent_stays: bool) -> set[int]:
    rule = Precompiled(character_table({ruled: "Q"}))
    texts = ((code, f"{before}{chr(code)}{after}{ruled}{ACCENT}") for code in CLUSTER_CODES)
    return {code for code, text in texts if (rule.normalize_str(text)[-1] == ACCENT) == accent_stays}


def _spans(codes: list[int]) -> list[str]:
    """Ascending code points as spans in hexadecimal."""
    breaks = [index for index, (code, following) in enumerate(pairwise(codes), 1) if following != code + 1]
    starts, ends = [0, *breaks], [*breaks, len(codes)]
    spans = [(codes[start], codes[end - 1]) for start, end in zip(starts, ends, strict=True)]
    return [f"{first:x}" if first == last else f"{first:x}-{last:x}" for first, last in spans]


if __name__ == "__main__":
    main()
