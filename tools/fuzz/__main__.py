"""Fuzz a reader of files.

    python -m tools.fuzz READER [--minutes 20] [--seed 0] [--out FOLDER]
    python -m tools.fuzz all [--minutes 20]
    python -m tools.fuzz READER --replay FILE...

Every input is a valid file with random changes. A reader must read it or refuse it by a `TextgraftError` of one line,
in 2 seconds and 128 MB; what it reads must be consistent. Where atheris is installed, coverage of textgraft guides the
changes. `--minutes` are those of the CPU. An input of each kind of finding is stored in the folder; the exit code is 1
when there is any.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.fuzz.engine import Fuzzer
from tools.fuzz.readers import READERS


def main() -> None:
    """Run the fuzzer from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=[*READERS, "all"])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of findings")
    parser.add_argument("--replay", type=Path, nargs="+", help="inputs to read again")
    parser.add_argument("--no-atheris", action="store_true", help="without coverage, even where atheris is installed")
    options = parser.parse_args()
    if options.reader == "all":
        sys.exit(_fuzz_all(options.minutes, options.seed))
    out = options.out or Path(tempfile.gettempdir()) / f"fuzz-{options.reader}"
    out.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.tempdir = tempfile.mkdtemp(prefix="fuzz-")
    fuzzer = Fuzzer(options.reader, options.seed, out, guided=not options.no_atheris and not options.replay)
    if options.replay:
        is_finding = fuzzer.replay(options.replay)
        shutil.rmtree(scratch)
        sys.exit(is_finding)
    fuzzer.run(60 * options.minutes, lambda: shutil.rmtree(scratch))


def _fuzz_all(minutes: float, seed: int) -> int:
    """Fuzz each reader in a process of its own; returns 1 if there is any finding."""
    command = [sys.executable, "-m", "tools.fuzz"]
    options = ["--minutes", str(minutes), "--seed", str(seed)]
    return max(min(1, subprocess.run([*command, name, *options], check=False).returncode) for name in READERS)


if __name__ == "__main__":
    main()
