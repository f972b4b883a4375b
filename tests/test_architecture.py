"""Imports go down the layers only and in no circle; TensorFlow is imported when it is needed."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "textgraft"

# From the lowest layer up: a package may import from itself and from those before it.
GROUND = {"computation", "errors", "options", "processor", "protobuf", "registry", "runtime", "terminal"}
LAYERS = [
    "storage", "data", "shards", "task_specs", "data_checks", "text", "tokenizers", "backbones",
    "engines", "generation", "workers", "training", "ngrams", "tasks", "explanation", "suggestions", "drift", "tuning",
    "report", "export", "serving", "cli",
]  # fmt: skip
SIDE = {"evaluation", "model_folder"}
SIDE_USERS = {
    "data_checks",
    "training",
    "ngrams",
    "tasks",
    "explanation",
    "drift",
    "tuning",
    "report",
    "export",
    "serving",
    "cli",
}


def imports_of(file: Path) -> set[str]:
    """Packages of textgraft that a file imports from, wherever in the file."""
    packages = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "textgraft":
            parts = node.module.split(".")[1:2] or [alias.name for alias in node.names]
            packages |= set(parts)
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            packages |= {name[1] for name in names if name[0] == "textgraft" and len(name) > 1}
    return packages


def package_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def allowed(package: str) -> set[str]:
    if package in GROUND:
        return {"computation", "errors", "processor", "terminal"}
    if package in SIDE:
        return GROUND | {"storage", "data", "shards", "task_specs", "text", "tokenizers", "backbones", package}
    below = LAYERS[: LAYERS.index(package) + 1]
    return GROUND | set(below) | (SIDE if package in SIDE_USERS else set())


FILES = sorted(file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE or file.stem in GROUND)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_import_runs_up(file):
    if package_of(file) == "cli":
        return  # the top layer may import every package
    assert imports_of(file) - allowed(package_of(file)) == set()


def test_the_walk_sees_an_import_that_runs_up(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from textgraft.tasks.base import load\n")
    assert imports_of(file) - allowed("text") == {"tasks"}


def test_keras_hub_stays_in_backbones():
    users = {package_of(file) for file in FILES if "import keras_hub" in file.read_text()}
    assert users <= {"backbones", "runtime"}
    assert not [file for file in FILES if "keras_hub.src" in file.read_text()]
    assert [file.name for file in FILES if "keras.src" in file.read_text()] == ["keras_private.py"]


# Public in spite of their names: methods of named tuples, and `os._exit`.
PUBLIC = {"_asdict", "_exit", "_fields", "_replace"}


def private_uses(file: Path) -> set[str]:
    """Private attributes of objects that a module uses and does not define itself."""
    source = file.read_text()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    names = {node.attr for node in nodes if not ast.unparse(node.value).startswith(("self", "cls", "super()"))}
    private = {name for name in names if name.startswith("_") and not name.startswith("__")}
    return {name for name in private - PUBLIC if f"def {name}(" not in source}


def test_private_keras_calls_are_in_one_file():
    uses = {str(file.relative_to(PACKAGE)): private_uses(file) for file in FILES}
    assert [name for name, found in uses.items() if found] == ["backbones/keras_private.py"]


def test_a_task_never_names_a_family():
    for file in (PACKAGE / "tasks").glob("*.py"):
        source = file.read_text()
        assert "bert" not in source.lower(), file
        assert "word_vectors" not in source, file


def test_importing_the_package_loads_no_tensorflow():
    code = "import sys, textgraft; sys.exit(any(m.split('.')[0] in ('tensorflow', 'keras') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_imports_no_large_package():
    """What makes it slow, on any machine."""
    large = ("google", "h5py", "keras", "pandas", "pyarrow", "scipy", "sklearn", "tensorflow")
    code = f"""import sys
sys.argv = ["textgraft", "--help"]
from textgraft.cli import main
try:
    main()
except SystemExit:
    pass
print("imported:", [name for name in {large!r} if name in sys.modules])"""
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "predict" in answer
    assert answer.splitlines()[-1] == "imported: []"


def module_of(file: Path) -> str:
    return ".".join(("textgraft", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def modules_imported(file: Path, modules: Collection[str]) -> set[str]:
    """Modules of textgraft that a file imports, wherever in the file and for whatever purpose."""
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "textgraft":
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            imported |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names if alias.name in modules}
    return imported - {module_of(file)}


def test_no_modules_import_each_other_in_a_circle():
    files = {module_of(file): file for file in PACKAGE.rglob("*.py")}
    imports = {module: modules_imported(file, files) for module, file in files.items()}
    # The lazy public names of the package are not imports of its own.
    imports["textgraft"] = set()
    assert not circle(imports)


def test_a_circle_of_imports_is_detected():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """The modules of a circle, sorted; none where there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return sorted(set(error.args[1]))
    return []


def test_each_public_name_is_defined_in_one_module():
    """Except for the estimators of scikit-learn, named after the models, and the code of exported packages."""
    modules = defaultdict(list)
    others = {PACKAGE / "sklearn.py", *(PACKAGE / "export" / "wheel_runtime").iterdir()}
    for file in {*PACKAGE.rglob("*.py")} - others:
        for node in ast.parse(file.read_text()).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            names += [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            for name in names:
                modules[name].append(str(file.relative_to(PACKAGE)))
    public = {name: files for name, files in modules.items() if len(files) > 1 and not name.startswith("_")}
    assert public == {}
