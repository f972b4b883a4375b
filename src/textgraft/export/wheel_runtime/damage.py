"""Damaged files, as the libraries that read them report them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PANIC = "PanicException"  # of the native code of `tokenizers`; a BaseException, and its class has no public name


@contextmanager
def damage_named(file: Path | str) -> Iterator[None]:
    """Raise a ValueError that names a file for what the libraries raise that read it."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        problem = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"{file} is damaged: {problem}") from error
