"""A long file costs no more memory than a short one."""

import subprocess
import sys

import pytest

MEASURE = """
import resource, sys
from textgraft.data.loading import load_dataset, read_texts
path, stream = sys.argv[1], sys.argv[2] == "stream"
if stream:
    count = sum(len(batch.texts) for batch in read_texts(path))
else:
    data = load_dataset(path)
    count = sum(len(batch.texts) for batch in data.batches())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(count, peak // (1 if sys.platform != "darwin" else 1024))
"""
ROWS = (20_000, 250_000)
TEXT = "a film of some length that was neither good nor bad, " * 8  # 424 characters: 106 MB in all


def peak(path, how: str) -> tuple[int, int]:
    """Rows read, and the most memory the process ever held, in KiB."""
    output = subprocess.run([sys.executable, "-c", MEASURE, path, how], capture_output=True, check=True, text=True)
    rows, kib = output.stdout.split()
    return int(rows), int(kib)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    for rows in ROWS:
        with (folder / f"{rows}.csv").open("w") as file:
            file.write("text,label\n")
            file.writelines(f'"{number} {TEXT}",{number % 4}\n' for number in range(rows))
    return [folder / f"{rows}.csv" for rows in ROWS]


@pytest.mark.parametrize("how", ["dataset", "stream"])
def test_memory_does_not_grow_with_the_file(files, how):
    (few, low), (many, high) = (peak(path, how) for path in files)
    assert (few, many) == ROWS
    assert high - low < 40 * 1024
