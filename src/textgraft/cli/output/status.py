"""Signs of life on standard error while a command reads its data or TensorFlow starts."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import IO

from textgraft.cli.options import PredictionOptions, RuntimeOptions
from textgraft.cli.output.log import log
from textgraft.computation import current_computation
from textgraft.engines.names import TENSORFLOW, network_precision
from textgraft.runtime import choose_precision, start_tensorflow
from textgraft.terminal.escaping import printable

# TensorFlow, Keras and KerasHub import them, if they are installed, for features that no command uses.
_NOT_NEEDED = ("kagglehub", "matplotlib", "pandas", "scipy", "sklearn")

_DELAY = 1.0


def load_tensorflow(options: RuntimeOptions | None = None, deterministic: bool = False) -> None:
    """`start_tensorflow` with a status; verbose options also print how it computes."""
    if "tensorflow" in sys.modules:
        start_tensorflow(deterministic)
    else:
        with status("loading TensorFlow", delay=0), _not_imported(_NOT_NEEDED), _no_garbage():
            start_tensorflow(deterministic)
    if options and options.verbose:
        log(_describe(options))


def _describe(options: RuntimeOptions) -> str:
    """How a command computes with these options, in one line."""
    engine = options.engine if isinstance(options, PredictionOptions) else TENSORFLOW
    computation = current_computation(choose_precision(network_precision(engine, options.precision)))
    return str(computation) if engine == TENSORFLOW else f"token vectors by engine {engine}; {computation}"


@contextmanager
def status(message: str, delay: float = _DELAY) -> Iterator[None]:
    """Show what is being done: by a spinner on a terminal, elsewhere by a line if it takes over `delay` seconds."""
    try:
        stream = os.fdopen(os.dup(2), "w", encoding="utf-8")  # 2 is redirected while TensorFlow starts
    except OSError:  # standard error is closed
        yield
        return
    with stream:
        if stream.isatty():
            from textgraft.terminal.console import cell, console

            with console(stream).status(cell(message)):
                yield
            return
        timer = Timer(delay, _write, (stream, message))
        try:
            timer.start() if delay else _write(stream, message)
            yield
        finally:
            timer.cancel()
            if timer.ident:
                timer.join()  # it may be writing to the stream, which is closed next


@contextmanager
def silence() -> Iterator[None]:
    """Suppress standard error, as in a worker whose progress and logs come from another process."""
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)


def _write(stream: IO[str], message: str) -> None:
    stream.write(f"{printable(message)} ...\n")
    stream.flush()


@contextmanager
def _not_imported(packages: tuple[str, ...]) -> Iterator[None]:
    """Make the import of packages fail that are not imported yet."""
    halted = [package for package in packages if package not in sys.modules]
    for package in halted:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for package in halted:
            del sys.modules[package]


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Search for garbage neither in the context nor, ever, among what was created until its end.

    A search among the million objects that TensorFlow's modules leave takes a quarter of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
