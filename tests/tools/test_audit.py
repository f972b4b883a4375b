"""The audit of dependencies passes only when every version was compared with known vulnerabilities."""

import json
import sys

import pytest
from tools.audit import main

NUMPY, RICH = ({"name": name, "version": "1.0", "vulns": []} for name in ("numpy", "rich"))
FOUND = {"name": "numpy", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"], "description": "x"}]}
UNREACHABLE = "Traceback (most recent call last):\nrequests.exceptions.ConnectionError: no route to the host"


@pytest.fixture
def audit(tmp_path, monkeypatch, capsys):
    """A function that runs the tool with a pip-audit of these packages by lock, and returns exit code and lines."""

    def run(locks, error=""):
        answers = {lock: json.dumps({"dependencies": packages}) for lock, packages in locks.items()}
        program = tmp_path / "pip-audit"
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.stderr.write({error!r})\n"
            f"print({answers!r}[sys.argv[-1]] if not {error!r} else '')\nsys.exit(bool({error!r}))\n"
        )
        program.chmod(0o755)
        monkeypatch.setattr(sys, "argv", ["audit", str(program), "--osv-url", "http://localhost", *locks])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, (captured.out + captured.err).splitlines()

    return run


def test_packages_of_several_locks_are_counted_once(audit):
    answer = audit({"a.lock": [NUMPY], "b.lock": [NUMPY, RICH]})
    assert answer == (0, ["audit: 2 packages, no known vulnerability"])


def test_vulnerability_is_listed(audit):
    code, lines = audit({"a.lock": [FOUND, RICH]})
    assert code == 1
    assert lines == ["numpy 1.0: CVE-1, fixed in 1.1", "audit: known vulnerabilities in 2 packages: 1"]


def test_package_without_an_answer_does_not_pass(audit):
    code, lines = audit({"a.lock": [NUMPY, {"name": "rich", "skip_reason": "not found"}]})
    assert code == 2
    assert lines == ["audit: 1 of 2 packages could not be audited: rich (not found)"]


def test_no_package_does_not_pass(audit):
    assert audit({"a.lock": []})[0] == 2


def test_unreachable_service_is_one_line_and_does_not_pass(audit):
    code, (line,) = audit({"a.lock": [NUMPY]}, error=UNREACHABLE)
    assert code == 2
    assert line.startswith("audit: the advisory service cannot be reached, nothing was audited: ")


def test_another_failure_is_one_line_and_does_not_pass(audit):
    code, (line,) = audit({"a.lock": [NUMPY]}, error="no such lock")
    assert (code, line) == (2, "audit: nothing was audited: no such lock")
