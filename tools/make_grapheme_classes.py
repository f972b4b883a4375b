"""Make src/textgraft/text/grapheme_classes.py: what the reference tokenizers know of each code point's clusters.

    python -m tools.make_grapheme_classes

It asks the `tokenizers` library, whose clusters follow one version of Unicode whatever Python's is. Its normalizer
`Precompiled` drops what follows a character with a rule in a cluster of less than six bytes, and in a longer one does
not; so each question is a text whose last accent stays or goes.
"""

from pathlib import Path

from tokenizers.normalizers import Precompiled
from tools.character_tables import character_table
from tools.make_unicode_classes import lines_of, spans_of

FILE = Path(__file__).parents[1] / "src" / "textgraft" / "text" / "grapheme_classes.py"
HEAD = '''"""Code points by what they do to grapheme clusters, as the reference sees them.

Written by tools/make_grapheme_classes.py. Each is a list of spans in hexadecimal; whole syllables of Hangul are not in
them. The names are those of https://www.unicode.org/reports/tr29/
"""

'''
ACCENT, JOINER, HEART, KA, VIRAMA = "\u0301", "\u200d", "\u2764", "\u0915", "\u094d"
LEADING, VOWEL, TRAILING, QA, TWO_DOTS = "\u1100", "\u1161", "\u11a8", "\u0958", "\u0344"

# What stands before and after a code point; the character with a rule; whether its accent stays.
QUESTIONS = {
    "CONTROL": ("", "", TWO_DOTS, False),
    "PREPEND": ("", "", "b", True),
    "PICTOGRAPH": ("", JOINER, "\u2122", True),
    "PICTOGRAPH_EXTEND": (HEART, JOINER, "\u2122", True),
    "CONSONANT": ("", VIRAMA, QA, True),
    "LINKER": (KA, "", QA, True),
    "CONJUNCT_EXTEND": (KA, VIRAMA, QA, True),
    "BEFORE_LEADING": ("", "", LEADING, True),
    "BEFORE_VOWEL": ("", "", VOWEL, True),
    "BEFORE_TRAILING": ("", "", TRAILING, True),
}
CODES = [code for code in range(0x110000) if not (0xD800 <= code < 0xE000 or 0xAC00 <= code < 0xD7A4)]


def main() -> None:
    """Ask for every code point, and write the module."""
    classes = {name: _answers(*question) for name, question in QUESTIONS.items()}
    rule = Precompiled(character_table({"a": "A"}))
    classes["EXTEND"] = {code for code in CODES if rule.normalize_str("a" + chr(code)) == "A"}
    prepend = classes["PREPEND"]
    leading, vowel, trailing = (classes.pop(f"BEFORE_{name}") - prepend for name in ("LEADING", "VOWEL", "TRAILING"))
    classes |= {"HANGUL_LEADING": leading, "HANGUL_VOWEL": vowel - leading, "HANGUL_TRAILING": trailing - vowel}
    # === Asked for what may stand between, those that begin anew were found as well ===
    classes["PICTOGRAPH_EXTEND"] -= classes["PICTOGRAPH"]
    classes["LINKER"] -= prepend
    classes["CONJUNCT_EXTEND"] -= classes["CONSONANT"]
    parts = [f"{name} = (\n{lines_of(spans_of(sorted(codes)))}\n)\n" for name, codes in classes.items()]
    FILE.write_text(HEAD + "\n".join(parts))


def _answers(before: str, after: str, ruled: str, stays: bool) -> set[int]:
    """Code points for which the accent stays, or goes."""
    rule = Precompiled(character_table({ruled: "Q"}))
    texts = ((code, f"{before}{chr(code)}{after}{ruled}{ACCENT}") for code in CODES)
    return {code for code, text in texts if (rule.normalize_str(text)[-1] == ACCENT) == stays}


if __name__ == "__main__":
    main()
