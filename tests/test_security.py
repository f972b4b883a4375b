"""docs/security.md names modules and tests that exist; no module unpickles or evaluates."""

import ast
import re

import pytest

from tests.helpers.paths import TESTS

ROOT = TESTS.parent
PACKAGE = ROOT / "src" / "textgraft"
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Modules that unpickle, or start programs, and functions that evaluate or import what they are given.
MODULES = {"code", "dill", "joblib", "marshal", "pickle", "pty", "runpy", "shelve", "subprocess"}
FUNCTIONS = {"__import__", "compile", "eval", "exec"}
METHODS = {"os.system", "os.popen", "os.execv", "os.spawnv", "tf.py_function", "tf.numpy_function"}

# The engine's own method, in a graph that is never saved; and the same command again, without a shell.
ALLOWED = {"engines/onnx_encoder.py": {"tf.numpy_function"}, "workers/processes.py": {"subprocess"}}


def unsafe_parts(source):
    """Names of modules and functions of the lists above that a source uses."""
    parts = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            parts |= {alias.name.split(".")[0] for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts |= {node.module.split(".")[0]} & MODULES
        elif isinstance(node, ast.Call):
            parts |= {ast.unparse(node.func)} & (FUNCTIONS | METHODS)
            parts |= {keyword.arg for keyword in node.keywords if is_permission(keyword)}
    return parts


def is_permission(keyword):
    """Whether an argument lets numpy unpickle, or Keras or datasets run code."""
    names = ("allow_pickle", "trust_remote_code", "enable_unsafe_deserialization", "safe_mode")
    return keyword.arg in names and ast.unparse(keyword.value) != str(keyword.arg == "safe_mode")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("import pickle", {"pickle"}),
        ("from subprocess import run", {"subprocess"}),
        ("eval(text)", {"eval"}),
        ("os.system(text)", {"os.system"}),
        ("np.load(file, allow_pickle=True)", {"allow_pickle"}),
        ("load(file, safe_mode=False)", {"safe_mode"}),
        ("np.load(file, allow_pickle=False), re.compile(text), literal_eval(text)", set()),
    ],
)
def test_unsafe_parts_are_found(source, parts):
    assert unsafe_parts(source) == parts


def test_no_module_unpickles_evaluates_or_starts_programs():
    parts = {str(path.relative_to(PACKAGE)): unsafe_parts(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {name: names for name, names in parts.items() if names} == ALLOWED


def test_modules_and_tests_on_the_page_exist():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
    paths = [ROOT / name for name in re.findall(r"`(tests/[\w/]+\.py)`", PAGE)]
    page = PAGE.replace("`src/textgraft/`", "")
    paths += [PACKAGE / name for name in re.findall(r"`((?!tests/)\w+(?:/\w+)*(?:\.py|/))`", page)]
    assert len(paths) > 20
    assert [path for path in paths if not path.exists()] == []
