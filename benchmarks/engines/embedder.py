"""A process that embeds ranges of texts on request, for any environment: it imports only the standard library."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SEQUENCE_LENGTH = 256
READY = "ready"
_WARM_UP = 64  # texts


def arguments() -> tuple[str, list[str], str]:
    """Folder of minilm, texts and form of the engine, as given on the command line; the texts are a JSON file."""
    folder, texts, form = sys.argv[1:4]
    return folder, json.loads(Path(texts).read_text(encoding="utf-8")), form


def serve(embed: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> None:
    """Print `READY` after a warm-up; then the seconds of the texts in each range [start, stop] of standard input."""
    embed(texts[-_WARM_UP:])
    print(READY, flush=True)
    for line in sys.stdin:
        start, stop = json.loads(line)
        began = time.perf_counter()
        embed(texts[start:stop])
        print(time.perf_counter() - began, flush=True)
