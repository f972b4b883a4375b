"""Packages that an installation brings: the two locks, and the wheel in an empty environment."""

import re
import tomllib

import pytest

from tests.helpers.paths import TESTS

ROOT = TESTS.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-test.lock")


def pins(lock):
    """Versions by package; numpy and others have one for each version of Python."""
    versions = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def names(requirements):
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements if isinstance(requirement, str)}


def test_locks_agree_and_have_what_the_project_asks_for():
    base, tests = map(pins, LOCKS)
    assert base.items() <= tests.items()
    project, extras = PROJECT["project"], PROJECT["project"]["optional-dependencies"]
    assert names(project["dependencies"] + extras["minilm"] + PROJECT["dependency-groups"]["build"]) <= set(base)
    assert names(PROJECT["dependency-groups"]["dev"]) <= set(tests)
    for extra in extras.keys() - {"minilm", "mlflow"}:
        assert names(extras[extra]) <= set(tests)
        assert not names(extras[extra]) & set(base), extra


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_hashes_no_index_address_and_no_torch(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert not pins(lock).keys() & {"torch", "duckdb", "sentence-transformers"}
