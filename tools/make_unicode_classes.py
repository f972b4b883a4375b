"""Make src/textgraft/text/unicode_classes.py: what the reference tokenizers call letter, number, space or accent.

    python -m tools.make_unicode_classes

It asks the `tokenizers` library, whose regular expressions follow one version of Unicode whatever Python's is, and
whose StripAccents follows an older one.
"""

import textwrap
from itertools import pairwise
from pathlib import Path

from tokenizers.normalizers import StripAccents
from tokenizers.pre_tokenizers import Split

from tokenizers import Regex

FILE = Path(__file__).parents[1] / "src" / "textgraft" / "text" / "unicode_classes.py"
CLASSES = {"LETTERS": r"\p{L}", "NUMBERS": r"\p{N}", "SPACES": r"\s"}
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
HEAD = '''"""Code points by class, as the reference tokenizers see them; written by tools/make_unicode_classes.py.

Each is a list of spans in hexadecimal.
"""

'''


def main() -> None:
    """Ask for every code point, and write the module."""
    classes = {name: _members(pattern) for name, pattern in CLASSES.items()}
    classes["ACCENTS"] = [code for code in CODES if not StripAccents().normalize_str(chr(code))]
    parts = [f"{name} = (\n{lines_of(spans_of(codes))}\n)\n" for name, codes in classes.items()]
    FILE.write_text(HEAD + "\n".join(parts))


def _members(pattern: str) -> list[int]:
    split = Split(Regex(pattern), "removed")
    return [code for code in CODES if not split.pre_tokenize_str(chr(code))]


def spans_of(codes: list[int]) -> list[str]:
    """Ascending code points as spans in hexadecimal."""
    breaks = [index for index, (one, other) in enumerate(pairwise(codes), 1) if other != one + 1]
    starts, ends = [0, *breaks], [*breaks, len(codes)]
    return [_span(codes[start], codes[end - 1]) for start, end in zip(starts, ends, strict=True)]


def _span(first: int, last: int) -> str:
    return f"{first:x}" if first == last else f"{first:x}-{last:x}"


def lines_of(spans: list[str]) -> str:
    """Spans as lines of a string that is put together."""
    lines = textwrap.wrap(" ".join(spans), 112, break_on_hyphens=False)
    return "\n".join(f'    "{line}{"" if line is lines[-1] else " "}"' for line in lines)


if __name__ == "__main__":
    main()
