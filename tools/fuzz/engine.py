"""The loop of the fuzzer: atheris where it is installed, else random changes without knowledge of coverage."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NoReturn

from tools.fuzz.inputs import HEAD, MAX_CONTENT, join_input, seed_input
from tools.fuzz.readers import Reader, load_reader
from tools.fuzz.watching import Watch, limit_memory

from textgraft.errors import TextgraftError

_REPORT_SECONDS = 60.0
_GUIDED_SHARE = 0.15  # of the inputs that libFuzzer changes itself
_FRESH_SHARE = 0.5  # of the others, that are made of a valid file, and not of what libFuzzer found interesting
_NEW_HEAD = 0.2  # share of changed inputs with other options
_CHANGES = (1, 1, 1, 2, 2, 3, 6)


class Fuzzer:
    """Fuzzes one reader.

    Attributes:
        watch: counts of inputs and findings.
    """

    def __init__(self, name: str, seed: int, out: Path, guided: bool = True) -> None:
        """Load a reader and read its seeds; with atheris, if `guided`, it is instrumented."""
        self._name, self._seed = name, seed
        self._atheris = _atheris() if guided else None
        self._started = self._reported = time.process_time()
        instrumented: Any = contextlib.nullcontext()
        if self._atheris:
            instrumented = self._atheris.instrument_imports(include=["textgraft"])
        with instrumented:
            self._reader: Reader = load_reader(name)
            self._seeds = self._reader.seeds()
            for content in self._seeds:  # imports what textgraft imports late
                with contextlib.suppress(TextgraftError):
                    self._reader.read(join_input(b"", content))
        self.watch = Watch(self._reader.read, out)

    def replay(self, files: Sequence[Path]) -> int:
        """Read inputs again and print what comes of them; returns 1 if any is a finding."""
        kinds = [(file, self.watch(file.read_bytes())) for file in files]
        for file, kind in kinds:
            print(f"{file}: {kind or 'no finding'}")
        return int(any(kind for _, kind in kinds))

    def run(self, seconds: float, clean: Callable[[], None]) -> NoReturn:
        """Fuzz for this time of the CPU, print a report, call `clean` and exit: with 1 if there is a finding."""
        self._clean = clean
        limit_memory()
        self._end = self._started + seconds
        if self._atheris:
            self._run_guided(self._atheris)
        draw = Random(self._seed)
        pool = [seed_input(content, draw) for content in self._seeds]
        while True:
            self._step(self.change(draw.choice(pool), draw))

    def change(self, data: bytes, draw: Random) -> bytes:
        """An input with random changes."""
        head, content = data[:HEAD], data[HEAD:]
        if draw.random() < _NEW_HEAD:
            head = draw.randbytes(HEAD)
        for _ in range(draw.choice(_CHANGES)):
            content = draw.choice(self._reader.changes)(content, draw, self._seeds)[:MAX_CONTENT]
        return join_input(head, content)

    def _run_guided(self, atheris: ModuleType) -> NoReturn:
        draw = Random(self._seed)
        corpus = Path(tempfile.mkdtemp(prefix="fuzz-corpus-"))
        for index, content in enumerate(self._seeds):
            (corpus / str(index)).write_bytes(seed_input(content, draw))

        def mutate(data: bytes, max_size: int, seed: int) -> bytes:
            draw = Random(seed)
            if draw.random() < _GUIDED_SHARE:
                return bytes(atheris.Mutate(data, max_size))
            if draw.random() < _FRESH_SHARE:
                data = seed_input(draw.choice(self._seeds), draw)
            return self.change(data, draw)[:max_size]

        options = ["-timeout=600", "-rss_limit_mb=0", "-verbosity=0", f"-max_len={HEAD + MAX_CONTENT}"]
        atheris.Setup(
            [sys.argv[0], f"-seed={self._seed + 1}", *options, str(corpus)], self._step, custom_mutator=mutate
        )
        atheris.Fuzz()
        raise AssertionError("atheris ended before the time")

    def _step(self, data: bytes) -> None:
        self.watch(data)
        now = time.process_time()
        if now >= self._end:
            self._report(now)
            sys.stdout.flush()
            self._clean()
            os._exit(int(bool(self.watch.findings)))
        if now - self._reported >= _REPORT_SECONDS:
            self._report(now)

    def _report(self, now: float) -> None:
        self._reported = now
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(self.watch.outcomes.items()))
        engine = "atheris" if self._atheris else "random"
        print(
            f"{self._name} ({engine}): {(now - self._started) / 60:.1f} CPU minutes, "
            f"{self.watch.outcomes.total():,} inputs: {counts}; "
            f"slowest {self.watch.slowest:.2f} s; {len(self.watch.findings)} kinds of findings",
            flush=True,
        )


def _atheris() -> ModuleType | None:
    try:
        import atheris
    except ImportError:
        return None
    return atheris  # type: ignore[no-any-return]
