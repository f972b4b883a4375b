"""The words of the project are those that users of Keras, KerasHub, Hugging Face and scikit-learn know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import TESTS

ROOT = TESTS.parent
CODE = sorted((ROOT / "src").rglob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

# Regular expressions; in any case, except those with a capital letter.
PHRASES = (
    r"--beam\b",
    r"--long\b",
    r"--stored\b",
    r"\bCompactTable\b",
    r"\bFit(Config|Defaults)\b",
    r"\bGrafting\b",
    r"\bHalves\b",
    r"\ba judge\b",
    r"\bas it (stands|came)\b",
    r"\bas it were\b",
    r"\bas many as make\b",
    r"\bas sure as\b",
    r"\bbegins (as|at) (a|its|the|random)",
    r"\bbegins? anew\b",
    r"\bcame? to (its|their) end\b",
    r"\bgives up\b",
    r"\bgo(es)? on\b",
    r"\bgrafting\.py",
    r"\bhead_start\b",
    r"\bhow (to mend|far to believe)\b",
    r"\bin (one|a) breath\b",
    r"\bin all\.",
    r"\bin the mean\b",
    r"\bis told (by|from)\b",
    r"\bknows? no\b",
    r"\bleft (alone|out)\b",
    r"\bmakes? no sense\b",
    r"\bmeasured anew\b",
    r"\bmend(s|ed|ing)?\b",
    r"\bno telling\b",
    r"\bof a longer text\b",
    r"\bof so many\b",
    r"\bplain strings\b",
    r"\bplain_ops\b",
    r"\bquick_(layers|dropout)\b",
    r"\brooms? of\b",
    r"\bsays? how\b",
    r"\bsee it win\b",
    r"\bside rooms?\b",
    r"\bso many\b",
    r"\bspok(e|en) for\b",
    r"\bstands? (beside|between|alone|here|in|there)\b",
    r"\bstorey\b",
    r"\btells? (the|which|how|what)\b",
    r"\bthe (highest|upper|lower) blocks\b",
    r"\bthe head begins\b",
    r"\bthe house\b",
    r"\bthe model hesitates\b",
    r"\bwent on\b",
    r"\bwhat (a task|is trained|a module|a folder) (gives|knows|says)\b",
    r"\bwhat (it|they) (gives?|gave)\b",
    r"\bwhat became of\b",
    r"\bwhat becomes of\b",
    r"\bwhat can be seen\b",
    r"\bwhat is (kept|stored|left|there|asked|drawn|done|tried|said)\b",
    r"\bwhose (loss|answer) is no\b",
    r"\bwild heads?\b",
    r"\bwithout None\b",
    'help="At its peak',
    # Spelling: -ize, as in the names of TensorFlow, Keras and tokenizers.
    r"(capital|factor|general|initial|maxim|normal|optim|penal|recogn|serial|special|standard|token)is(e[drs]?|ing|ation)s?\b",
)

# Names of classes, functions, parameters and variables that have a standard name.
IDENTIFIERS = (
    "abilities",
    "asked",
    "away_from_the_past",
    "begin",
    "begun",
    "bury",
    "by_beams",
    "dead",
    "fit_defaults",
    "for_folder",
    "found",
    "given",
    "halves",
    "how",
    "is_here",
    "judged",
    "kept",
    "least",
    "measured",
    "most",
    "on_top",
    "one",
    "own",
    "place",
    "place_of",
    "places",
    "problems",
    "repeats",
    "said",
    "settle",
    "some",
    "survey",
    "told",
    "undo",
    "usual_head",
    "wanted",
    "warmth",
    "what",
    "whole",
    "wire",
    "without_steps",
)


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a module defines or assigns."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrase_does_not_occur(phrase):
    pattern = re.compile(phrase, 0 if re.search("[A-Z]", phrase) else re.IGNORECASE)
    texts = {path: path.read_text(encoding="utf-8") for path in (*CODE, *PAGES)}
    hits = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in texts.items()
        for match in pattern.finditer(text)
    ]
    assert hits == []


def test_identifiers_have_standard_names():
    hits = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in CODE
        for line, name in identifiers(path)
        if name.lstrip("_") in IDENTIFIERS
    ]
    assert hits == []
