"""A process of its own that tries every model folder in a folder, in every way, and prints what came of it as JSON.

    python refuse.py CORPUS VALID_MODEL...

Without TensorFlow first, so that what TensorFlow takes does not hide what a folder takes.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from textgraft.cli import app
from textgraft.errors import TextgraftError
from textgraft.model_folder.folder import read as read_folder

STATUS = Path("/proc/self/status")
MOST = 16 * 2**30  # a folder that is not refused must not take the machine with it

command = app.make_app()
opened: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])


def most_memory() -> int:
    """Most bytes in memory since `forget_most_memory`, or ever where the system cannot forget."""
    if STATUS.exists():
        return in_status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_most_memory() -> int:
    """Begin anew; gives the bytes in memory now."""
    if not STATUS.exists():
        return most_memory()
    Path("/proc/self/clear_refs").write_text("5")
    return in_status("VmRSS")


def in_status(name: str) -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def called(function: Callable, *arguments: object) -> dict:
    try:
        function(*arguments)
    except Exception as error:
        code = error.exit_code if isinstance(error, TextgraftError) else 1
        return {"code": code, "kind": type(error).__name__, "message": str(error)}
    return {"code": 0, "kind": "", "message": ""}


def commanded(*arguments: str) -> dict:
    result = CliRunner().invoke(command, arguments, input="the film\n")
    lines = result.stderr.splitlines()
    kind = type(result.exception).__name__ if result.exception else ""
    return {"code": result.exit_code, "kind": kind, "message": "\n".join(lines), "output": result.stdout}


def tried(way: str, folders: list[Path], outside: Path, attempt: Callable[[Path], dict]) -> list[Path]:
    """Report on each folder; gives those that were not refused."""
    passed = []
    for folder in folders:
        opened.clear()
        before = forget_most_memory()
        found = attempt(folder)
        grown = most_memory() - before
        taken = [path for path in opened if Path(path).resolve().is_relative_to(outside)]
        report(way=way, name=folder.name, **found, outside=taken, grown=grown)
        passed += [] if found["code"] else [folder]
    return passed


def report(**found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")


def main() -> None:
    corpus, *valid = map(Path, sys.argv[1:])
    outside = corpus.resolve() / "outside"
    folders = sorted(folder for folder in corpus.iterdir() if folder.is_dir() and folder.name != outside.name)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST, MOST))
    sys.addaudithook(watch)
    built = tried("read", folders, outside, lambda folder: called(read_folder, folder))
    refused = [folder for folder in folders if folder not in built]
    tried("info", folders, outside, lambda folder: commanded("info", str(folder)))
    tried("predict", refused, outside, lambda folder: commanded("predict", str(folder)))
    report(way="before TensorFlow", tensorflow="tensorflow" in sys.modules)

    import textgraft as tg

    load = tg.load
    tried("load", folders, outside, lambda folder: called(load, folder, "float32"))
    tried("predict", built, outside, lambda folder: commanded("predict", str(folder)))
    tried("valid", valid, outside, lambda folder: called(load, folder, "float32"))
    tried("valid", valid, outside, lambda folder: commanded("predict", str(folder)))
    tried("valid", valid, outside, lambda folder: commanded("info", str(folder)))


if __name__ == "__main__":
    main()
