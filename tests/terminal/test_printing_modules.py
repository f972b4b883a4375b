"""Only a few modules write to the terminal, all of them through `textgraft.terminal`."""

import ast
from pathlib import Path

import textgraft

PACKAGE = Path(textgraft.__file__).parent
# What each of them may use.
ALLOWED = {
    "errors.py": {"warnings.warn"},
    "runtime.py": {"os.dup", "sys.stderr.flush"},  # what native code wrote before an import failed
    "export/wheel_runtime/__main__.py": {"print", "file=sys.stderr"},
    "terminal/console.py": {"Console"},
    "cli/__init__.py": {"sys.stdout.reconfigure"},
    "cli/app.py": {"typer.echo", "sys.stdout.flush", "sys.stderr.close"},
    "cli/output/console.py": {"typer.echo"},
    "cli/output/files.py": {"sys.stdout.buffer", "sys.stdout.write", "sys.stdout.flush"},
    "cli/output/log.py": {"typer.echo"},
    "cli/output/status.py": {"os.dup", "sys.stderr.flush"},
    "workers/watchdog.py": {"os.dup"},
}
CALLS = {
    "print", "Console", "typer.echo", "typer.secho", "click.echo", "click.secho", "os.dup", "warnings.warn",
    "console.Console", "rich.print", "logging.warning",
}  # fmt: skip


def printing(source: str) -> set[str]:
    """The names by which a module writes to standard output or standard error."""
    uses = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            uses.add(ast.unparse(node.func))
        elif isinstance(node, ast.ClassDef):
            uses |= {ast.unparse(base) for base in node.bases} & CALLS
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("sys.stdout", "sys.stderr"):
            uses |= {ast.unparse(node)} - {"sys.stdout.isatty", "sys.stderr.isatty"}
        elif isinstance(node, ast.keyword) and ast.unparse(node.value) in ("sys.stdout", "sys.stderr"):
            uses.add(ast.unparse(node))
    return uses


def test_few_modules_print():
    uses = {str(file.relative_to(PACKAGE)): printing(file.read_text()) for file in PACKAGE.rglob("*.py")}
    assert {name: found for name, found in uses.items() if found - ALLOWED.get(name, set())} == {}
    assert set(ALLOWED) == {name for name, found in uses.items() if found}


def test_every_module_that_prints_escapes():
    for name in set(ALLOWED) - {"runtime.py", "cli/__init__.py"}:
        assert "printable" in (PACKAGE / name).read_text(), name


def test_printing_is_found():
    for line in ("print(1)", "sys.stdout.write('')", "f(file=sys.stderr)", "Console()", "class A(Console): pass"):
        assert printing(line), line
    assert not printing("sys.stdout.isatty()")
