"""`python -m NAME < texts.txt`: a line of JSON for each line of standard input, whose pairs are separated by a tab."""

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import islice

from textgraft.terminal.escaping import printable, printable_json

from . import check, load

_LINES = 256  # that are answered at once


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, 1 for a damaged package or a wrong answer, or 2 for a wrong input."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Answer each line of standard input.")
    parser.add_argument("--check", action="store_true", help="compare the answers with those of the trained model")
    options = parser.parse_args(arguments)
    try:
        load()
    except (OSError, ValueError) as error:
        print(printable(f"error: {error}; install {__package__} again"), file=sys.stderr)
        return 1
    if options.check:
        try:
            difference = check()
        except (OSError, ValueError) as error:
            print(printable(f"error: {error}"), file=sys.stderr)
            return 1
        print(f"all answers are those of the model (largest difference {difference:.1e})")
        return 0
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    lines = (line.removesuffix("\n").removesuffix("\r") for line in sys.stdin)
    try:
        while batch := list(islice(lines, _LINES)):
            for record in load().records([tuple(line.split("\t")) if load().pairs else line for line in batch]):
                print(printable_json(json.dumps(record, ensure_ascii=False)))
    except (TypeError, ValueError) as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
