"""Make src/textgraft/text/unicode_classes.py: which code points the reference tokenizers call letter, number or space.

    python -m tools.make_unicode_classes

It asks the `tokenizers` library, whose regular expressions follow one version of Unicode whatever Python's is.
"""

import textwrap
from itertools import pairwise
from pathlib import Path

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

FILE = Path(__file__).parents[1] / "src" / "textgraft" / "text" / "unicode_classes.py"
CLASSES = {"LETTERS": r"\p{L}", "NUMBERS": r"\p{N}", "SPACES": r"\s"}
HEAD = '''"""Code points by class, as byte-level BPE's reference sees them; written by tools/make_unicode_classes.py.

Each is a list of spans in hexadecimal.
"""

'''


def main() -> None:
    """Ask for every code point, and write the module."""
    parts = [f"{name} = (\n{_lines(_spans(_members(pattern)))}\n)\n" for name, pattern in CLASSES.items()]
    FILE.write_text(HEAD + "\n".join(parts))


def _members(pattern: str) -> list[int]:
    split = Split(Regex(pattern), "removed")
    codes = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    return [code for code in codes if not split.pre_tokenize_str(chr(code))]


def _spans(codes: list[int]) -> list[str]:
    breaks = [index for index, (one, other) in enumerate(pairwise(codes), 1) if other != one + 1]
    starts, ends = [0, *breaks], [*breaks, len(codes)]
    return [_span(codes[start], codes[end - 1]) for start, end in zip(starts, ends, strict=True)]


def _span(first: int, last: int) -> str:
    return f"{first:x}" if first == last else f"{first:x}-{last:x}"


def _lines(spans: list[str]) -> str:
    lines = textwrap.wrap(" ".join(spans), 112)
    return "\n".join(f'    "{line}{"" if line is lines[-1] else " "}"' for line in lines)


if __name__ == "__main__":
    main()
