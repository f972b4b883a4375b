"""Script: read the data files in a folder, each in a process of its own, and print the results as JSON.

python -m tests.hostile.read_data CORPUS NAME...
"""

import multiprocessing
import resource
import sys
import time
from pathlib import Path

from tools.make_hostile_data import CASES, OUTSIDE

from tests.hostile.refuse import MAX_DATA_BYTES, call, opened, peak_memory, report, reset_peak_memory, watch
from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset
from textgraft.data.streams import read_texts
from textgraft.data.tagged import load_tagged


def read(path: Path, name: str) -> dict:
    case, counts = CASES[name], []

    def load() -> None:
        loaded = load_tagged(path, **case.reading) if case.tagged else load_dataset(path, **case.reading)
        counts.append(sum(len(batch.texts) for batch in loaded.batches()))
        loaded.counts()

    result = call(load)
    if not case.tagged and not result["code"]:
        counts.append(sum(len(batch.texts) for batch in read_texts(path, None, Reading())))
    return {**result, "rows": counts}


def measure(corpus: Path, name: str) -> None:
    opened.clear()
    before, started = reset_peak_memory(), time.process_time()
    result = read(corpus / name, name)
    outside = [path for path in opened if Path(path).resolve().is_relative_to(corpus / OUTSIDE)]
    report(name=name, **result, outside=outside, grown=peak_memory() - before, seconds=time.process_time() - started)
    sys.stdout.flush()


def main() -> None:
    corpus = Path(sys.argv[1]).resolve()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
    sys.addaudithook(watch)
    for name in sys.argv[2:]:
        process = multiprocessing.get_context("fork").Process(target=measure, args=(corpus, name))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
