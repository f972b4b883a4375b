"""docs/architecture.md agrees with the code that it describes."""

import re

import pytest

from tests.helpers.paths import TESTS

ROOT = TESTS.parent
PACKAGE = ROOT / "src" / "textgraft"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MAIN_PATH = re.findall(r"^\d+\. `([\w/]+\.py)`", PAGE, re.MULTILINE)
MAX_LINES = 3000
NAMED = sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE)))


def test_main_path_is_ten_files():
    assert len(MAIN_PATH) == 10


def test_main_path_is_short():
    lines = {name: len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) for name in MAIN_PATH}
    assert sum(lines.values()) < MAX_LINES, lines


@pytest.mark.parametrize("name", NAMED)
def test_named_file_exists(name):
    assert (PACKAGE / name).exists() or (ROOT / name).exists()


def test_every_package_is_listed():
    listed = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    modules = {path.stem for path in PACKAGE.glob("*.py") if path.stem[0] != "_"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert listed == modules | packages
