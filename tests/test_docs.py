"""Documentation that repeats what the code says, or points to files."""

import re

import pytest

import textgraft
from tests.helpers.paths import TESTS
from textgraft.errors import TextgraftError
from tools import make_options_page

ROOT = TESTS.parent
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = [path for folder in ("src", "benchmarks", "tools", "tests") for path in (ROOT / folder).rglob("*.py")]


def test_options_page_is_current():
    """Otherwise: `python -m tools.make_options_page`."""
    assert make_options_page.PAGE.read_text(encoding="utf-8") == make_options_page.build()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_resolve(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_pages_named_in_code_exist():
    named = {name for path in CODE for name in re.findall(r"\bdocs/[\w/.-]+\.(?:md|svg)", path.read_text())}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_members_on_the_api_page_exist():
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    for name, members in re.findall(r"^::: textgraft\.(\w+)\n.*?(?:members: \[(.*?)\])?\n\n", page, re.M | re.S):
        documented = getattr(textgraft, name)
        known = {*dir(documented), *getattr(documented, "__dataclass_fields__", ())}
        assert set(filter(None, members.split(", "))) <= known, name


def test_exit_codes_are_documented():
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    documented = [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert documented == [0, *sorted(error.exit_code for error in (TextgraftError, *TextgraftError.__subclasses__()))]
