"""The list of dependencies has the packages of the lock, with hashes, licences and dependencies."""

import json
import re
import subprocess
import sys

import pytest
from tools.sbom import join

from tests.helpers.paths import TESTS

ROOT = TESTS.parent
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
LOCK = ROOT / "requirements.lock"


def locked(name, version, digest):
    reference = {"type": "distribution", "url": "u", "hashes": [{"alg": "SHA-256", "content": digest}]}
    return {"bom-ref": f"line-{version}", "name": name, "version": version, "externalReferences": [reference]}


def installed(name, version, licence):
    return {"bom-ref": name, "name": name, "version": version, "licenses": [{"license": {"id": licence}}]}


def test_lock_and_installed_packages_are_joined():
    lock = {"components": [locked("ml-dtypes", "1", "a"), locked("numpy", "2", "b"), locked("numpy", "3", "c")]}
    environment = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [
            installed(*part) for part in (("ml_dtypes", "1", "X"), ("numpy", "2", "Y"), ("pytest", "9", "Z"))
        ],
        "dependencies": [
            {"ref": "root", "dependsOn": ["ml_dtypes", "pytest"]},
            {"ref": "ml_dtypes", "dependsOn": ["numpy"]},
            {"ref": "numpy"},
            {"ref": "pytest"},
        ],
    }
    joined = join(lock, environment)
    found = [
        (part["bom-ref"], part["licenses"][0]["license"]["id"], part["externalReferences"][0]["hashes"][0]["content"])
        for part in joined["components"]
    ]
    # A lock has a version of numpy for each version of Python.
    assert found == [("ml-dtypes==1", "X", "a"), ("numpy==2", "Y", "b"), ("numpy==3", "Y", "c")]
    assert joined["dependencies"] == [
        {"ref": "ml-dtypes==1", "dependsOn": ["numpy==2", "numpy==3"]},
        {"ref": "numpy==2", "dependsOn": []},
        {"ref": "numpy==3", "dependsOn": []},
        {"ref": "root", "dependsOn": ["ml-dtypes==1"]},
    ]


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="needs the environment of `make sbom`")
def test_file_fits_the_schema_and_is_reproducible(tmp_path):
    texts = []
    for name in ("first.json", "second.json"):
        command = [PYTHON, "-m", "tools.sbom", LOCK, sys.executable, tmp_path / name]
        subprocess.run(command, cwd=ROOT, check=True)  # validates against the schema
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert str(ROOT) not in texts[0]
    components = json.loads(texts[0])["components"]
    pins = re.findall(r"^([\w.-]+)==([^ ]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted((part["name"], part["version"]) for part in components) == sorted(pins)
    for part in components:
        assert any(reference.get("hashes") for reference in part["externalReferences"]), part["name"]
    assert sum("licenses" in part for part in components) > 0.9 * len(components)


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="needs the environment of `make sbom`")
def test_file_that_does_not_fit_the_schema_is_reported():
    code = "from tools.sbom import schema_error; print(schema_error('{\"components\": 3}'))"
    answer = subprocess.run([PYTHON, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() not in ("", "None")
