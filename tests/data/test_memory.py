"""Memory use does not grow with the size of a file."""

import subprocess
import sys

import pytest

MEASURE = """
import resource, sys
from textgraft.data.loading import load_dataset
from textgraft.data.columns import Reading
from textgraft.data.streams import read_texts
from textgraft.data.tagged import load_tagged
path, reader = sys.argv[1:]
if reader == "stream":
    count = sum(len(batch.texts) for batch in read_texts(path, None, Reading()))
elif reader == "dataset":
    count = sum(len(batch.texts) for batch in load_dataset(path).batches())
else:
    count = sum(len(row.spans) for row in load_tagged(path))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(count, peak // (1 if sys.platform != "darwin" else 1024))
"""
TEXT = "a film of some length that was neither good nor bad, " * 8
SENTENCE = "word\tO\n" * 100 + "Word\tB-X\n\n"


def write_rows(path, reader, rows):
    with path.open("w") as file:
        if reader == "tagged":
            file.writelines(SENTENCE for _ in range(rows))
        else:
            file.write("text,label\n")
            file.writelines(f'"{row} {TEXT}",{row % 4}\n' for row in range(rows))


def peak_memory(path, reader, rows) -> int:
    """The most memory, in KiB, that a process held while it read a file of so many rows."""
    write_rows(path, reader, rows)
    output = subprocess.run([sys.executable, "-c", MEASURE, path, reader], capture_output=True, check=True, text=True)
    count, kib = map(int, output.stdout.split())
    assert count == rows
    return kib


@pytest.mark.parametrize(
    ("reader", "name", "rows"),
    [
        ("dataset", "a.csv", 100_000),
        pytest.param("stream", "a.csv", 100_000, marks=pytest.mark.slow),
        pytest.param("tagged", "a.conll", 5_000, marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_file(tmp_path, reader, name, rows):
    """The larger file has over 40 MB of text, or over 500,000 words."""
    growth = peak_memory(tmp_path / name, reader, rows) - peak_memory(tmp_path / name, reader, rows // 8)
    assert growth < 24 * 1024
