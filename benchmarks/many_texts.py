"""`textgraft predict` on a million short texts with static embeddings: seconds, and memory while it runs.

python -m benchmarks.many_texts [--rows 1000000]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import report
from benchmarks.short_texts import save_static_model, write_texts

_INTERVAL_SECONDS = 0.5


def main() -> None:
    """Predict a tenth of the texts, then all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_static_model(folder / "model")
        for count in (rows // 10, rows):
            texts, out = write_texts(folder / f"{count}.csv", count), folder / f"{count}-labelled.csv"
            start = time.monotonic()
            sizes = _sizes([sys.executable, "-m", "textgraft", "predict", str(model), str(texts), "--out", str(out)])
            seconds = time.monotonic() - start
            shares = {f"mib_at_{share}_percent": sizes[len(sizes) * share // 100] for share in (25, 50, 75, 95)}
            report(
                "many_texts",
                rows=count,
                seconds=round(seconds, 1),
                texts_per_second=round(count / seconds),
                peak_mib=max(sizes),
                **shares,
            )


def _sizes(command: Sequence[str]) -> list[int]:
    """Run a command; returns its resident memory in MiB, at regular intervals."""
    sizes = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            lines = status.read_text().splitlines()
            sizes += [int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS:")]
            time.sleep(_INTERVAL_SECONDS)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return sizes


if __name__ == "__main__":
    main()
