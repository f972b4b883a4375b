"""Compares the versions in locks with known vulnerabilities, by pip-audit and the advisories of osv.dev.

    python -m tools.audit PIP_AUDIT [--osv-url URL] LOCK...

Exits with 1 for a vulnerability, and with 2 when a version could not be compared; 0 means that all were compared. Of
a lock's versions, those for this system and this Python are compared.
"""

import argparse
import json
import subprocess
import sys
from typing import Any, NoReturn

_OPTIONS = ("--no-deps", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json", "-s", "osv")
_MAX_REASON = 120  # characters


def main() -> None:
    """Print a line for each vulnerability, and a line in the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pip_audit")
    parser.add_argument("--osv-url", help="OSV service in place of osv.dev's.")
    parser.add_argument("locks", nargs="+")
    arguments = parser.parse_args()
    command = [arguments.pip_audit, *_OPTIONS]
    command += ["--osv-url", arguments.osv_url] if arguments.osv_url else []
    by_version = {}
    for lock in arguments.locks:  # pip-audit takes no package from two locks
        by_version.update({(part["name"], part.get("version")): part for part in _audit([*command, "-r", lock])})
    packages = [by_version[key] for key in sorted(by_version, key=str)]
    lines = [_line(package, found) for package in packages for found in package.get("vulns", ())]
    skipped = [f"{package['name']} ({package['skip_reason']})" for package in packages if "skip_reason" in package]
    print(*lines, sep="\n", end="\n" if lines else "")
    if lines:
        _stop(1, f"known vulnerabilities in {len(packages)} packages: {len(lines)}")
    if skipped or not packages:
        _stop(2, f"{len(skipped)} of {len(packages)} packages could not be audited: {', '.join(skipped[:5])}")
    print(f"audit: {len(packages)} packages, no known vulnerability")


def _audit(command: list[str]) -> list[dict[str, Any]]:
    """The packages in pip-audit's answer; without one, the program ends."""
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
    except ValueError:
        reason = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        unreachable = "the advisory service cannot be reached, " if "Connection" in reason else ""
        _stop(2, f"{unreachable}nothing was audited: {reason[:_MAX_REASON]}")
    return packages


def _line(package: dict[str, Any], found: dict[str, Any]) -> str:
    fixed = ", ".join(found["fix_versions"])
    return f"{package['name']} {package['version']}: {found['id']}, {f'fixed in {fixed}' if fixed else 'not fixed'}"


def _stop(code: int, message: str) -> NoReturn:
    print(f"audit: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
