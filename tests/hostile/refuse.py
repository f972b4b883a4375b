"""Script: inspect, load and predict with the model folders in a folder, and print the results as JSON.

    python refuse.py CORPUS STEP EXTREMES VALID_MODEL...

First without TensorFlow, whose memory would hide that of a folder. Every folder is inspected; of those refused then,
every STEP-th is loaded and predicted with; of the others, all are loaded, and every STEP-th is predicted with, and all
that could be loaded. Then the valid models, and both commands on every folder of extremes, after the first valid one:
TensorFlow's own memory is taken then.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from textgraft.cli import app
from textgraft.errors import TextgraftError

STATUS = Path("/proc/self/status")
# Texts that differ, and so do the answers of a valid model.
TEXTS = "the film was good\nbad\na very dull plot, not fine\n"
PREDICT = ("--columns", "", "--precision", "float32")
MAX_DATA_BYTES = 16 * 2**30  # protects the machine from a folder that is not refused

command = app.make_app()
opened: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])


def peak_memory() -> int:
    """Peak of the resident bytes since `reset_peak_memory`, or since the start where it cannot be reset."""
    if STATUS.exists():
        return read_status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reset_peak_memory() -> int:
    """Reset the peak; returns the resident bytes now."""
    if not STATUS.exists():
        return peak_memory()
    Path("/proc/self/clear_refs").write_text("5")
    return read_status("VmRSS")


def read_status(name: str) -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def call(function: Callable, *arguments: object) -> dict:
    try:
        function(*arguments)
    except Exception as error:
        code = error.exit_code if isinstance(error, TextgraftError) else 1
        return {"code": code, "kind": type(error).__name__, "message": str(error)}
    return {"code": 0, "kind": "", "message": ""}


def run_command(*arguments: str, texts: str = "the film\n") -> dict:
    result = CliRunner().invoke(command, arguments, input=texts)
    lines = result.stderr.splitlines()
    kind = type(result.exception).__name__ if result.exception else ""
    return {"code": result.exit_code, "kind": kind, "message": "\n".join(lines), "output": result.stdout}


def try_folders(way: str, folders: list[Path], outside: Path, attempt: Callable[[Path], dict]) -> list[Path]:
    """Report on each folder; returns those that were not refused."""
    passed = []
    for folder in folders:
        opened.clear()
        before = reset_peak_memory()
        result = attempt(folder)
        grown = peak_memory() - before
        outside_files = [path for path in opened if Path(path).resolve().is_relative_to(outside)]
        report(way=way, name=folder.name, **result, outside=outside_files, grown=grown)
        passed += [] if result["code"] else [folder]
    return passed


def compare_commands(folders: list[Path]) -> None:
    """Report on both commands for each folder."""
    for folder in folders:
        for name, options in (("info", ()), ("predict", PREDICT)):
            before = reset_peak_memory()
            result = run_command(name, str(folder), *options, texts=TEXTS)
            report(way=f"{name} of extremes", name=folder.name, **result, grown=peak_memory() - before)


def report(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


def main() -> None:
    corpus, step, extremes, *valid = (Path(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:]))
    outside = corpus.resolve() / "outside"
    folders = sorted(folder for folder in corpus.iterdir() if folder.is_dir() and folder.name != outside.name)
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
    sys.addaudithook(watch)
    built = try_folders("info", folders, outside, lambda folder: run_command("info", str(folder)))
    refused = [folder for folder in folders if folder not in built][::step]
    try_folders("predict", refused, outside, lambda folder: run_command("predict", str(folder)))
    report(way="before TensorFlow", tensorflow="tensorflow" in sys.modules)

    import textgraft as tg

    load = tg.load
    loaded = try_folders("load", refused + built, outside, lambda folder: call(load, folder, "float32"))
    sample = [folder for folder in built if folder in built[::step] or folder in loaded]
    try_folders("predict", sample, outside, lambda folder: run_command("predict", str(folder)))
    try_folders("valid", valid, outside, lambda folder: call(load, folder, "float32"))
    try_folders("valid", valid, outside, lambda folder: run_command("predict", str(folder)))
    try_folders("valid", valid, outside, lambda folder: run_command("info", str(folder)))
    compare_commands([valid[0], *sorted(extremes.iterdir())])


if __name__ == "__main__":
    main()
