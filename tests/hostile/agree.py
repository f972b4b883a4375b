"""Script: inspect, and predict with, every model folder in a folder, and print the results as JSON.

    python agree.py CORPUS VALID_MODEL

The valid model comes first: TensorFlow's own memory is taken then. The texts differ, and so do its answers.
"""

import sys
from pathlib import Path

from refuse import peak_memory, report, reset_peak_memory, run_command

TEXTS = "the film was good\nbad\na very dull plot, not fine\n"
PREDICT = ("--columns", "", "--precision", "float32")


def main() -> None:
    corpus, valid = map(Path, sys.argv[1:])
    for folder in (valid, *sorted(corpus.iterdir())):
        for command, options in (("info", ()), ("predict", PREDICT)):
            before = reset_peak_memory()
            result = run_command(command, str(folder), *options, texts=TEXTS)
            report(way=command, name=folder.name, **result, grown=peak_memory() - before)


if __name__ == "__main__":
    main()
