"""Files of word vectors: GloVe's and word2vec's text, and word2vec's binary form, compressed or not."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textgraft.errors import PresetError

_TEXT, _BINARY = (".txt", ".vec"), ".bin"
SUFFIXES = tuple(f"{suffix}{packed}" for suffix in (*_TEXT, _BINARY) for packed in ("", ".gz"))

_NUMBER = re.compile(rb"[-+]?\d+([.]\d*)?(e[-+]?\d+)?", re.IGNORECASE)
_LONGEST_WORD = 4096
_WIDEST = 2**16

Pairs = Iterator[tuple[bytes, np.ndarray]]


def read_vectors(path: Path, limit: int | None = None) -> tuple[list[bytes], np.ndarray]:
    """Read a file, line by line; nothing but the table itself grows.

    Args:
        path: its name ends in one of `SUFFIXES`.
        limit: most words; None for all.

    Returns:
        words, and float32 (words + 1, dim) with a row of zeros for all other words.

    Raises:
        PresetError: naming the line or word that is malformed.
    """
    words: dict[bytes, None] = {}
    vectors = bytearray()
    pairs = _binary_pairs if path.name.removesuffix(".gz").endswith(_BINARY) else _text_pairs
    try:
        with _opened(path) as file:
            for word, vector in islice(pairs(path, file, limit is None), limit):
                if word not in words:  # the first one counts, as in the tools that write these files
                    words[word] = None
                    vectors += vector.tobytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PresetError(f"{path} is no whole gzip file: {error}; fetch it again") from error
    if not words:
        raise PresetError(f"{path} holds no word vectors")
    vectors += bytes(len(vectors) // len(words))
    return list(words), np.frombuffer(vectors, np.float32).reshape(len(words) + 1, -1)


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _text_pairs(path: Path, file: BinaryIO, whole: bool) -> Pairs:
    """Word and vector of each line; the word may hold spaces, and a first line may say how many words and numbers."""
    promised, number, dim = None, 0, 0
    for number, line in enumerate(file, start=1):
        cells = line.rstrip().split(b" ")
        if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
            promised, dim = int(cells[0]), int(cells[1])
            continue
        dim = dim or len(cells) - 1
        yield b" ".join(cells[:-dim]), _vector(path, number, cells, dim)
    if whole and promised is not None and number - 1 != promised:
        raise PresetError(f"{path} holds {number - 1} words, its first line says {promised}; fetch it again")


def _vector(path: Path, number: int, cells: list[bytes], dim: int) -> np.ndarray:
    word = b" ".join(cells[:-dim]).split()
    try:
        vector = np.array(cells[-dim:], np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    too_long = len(word) > 1 and _NUMBER.fullmatch(word[-1])
    if too_long or len(cells) <= dim or dim < 1 or len(vector) != dim or not np.isfinite(vector).all():
        raise PresetError(f"{path}, line {number}: expected a word and {max(dim, 1)} finite numbers")
    return vector


def _binary_pairs(path: Path, file: BinaryIO, whole: bool) -> Pairs:
    """How many words and numbers, on a line; then each word, a space, and its numbers as little-endian float32."""
    head = file.readline(64).split()
    if len(head) != 2 or not all(cell.isdigit() for cell in head):
        raise PresetError(f"{path}: its first line does not say how many words and numbers it holds")
    count, dim = map(int, head)
    if not 0 < dim <= _WIDEST:
        raise PresetError(f"{path}: its first line says {dim:,} numbers a word; at most {_WIDEST:,} are read")
    for number in range(1, count + 1):
        word, numbers = _word(file.read), file.read(4 * dim)
        if word is None or len(numbers) < 4 * dim:
            raise PresetError(f"{path} ends within word {number:,} of {count:,}; fetch it again")
        vector = np.frombuffer(numbers, "<f4")
        if not np.isfinite(vector).all():
            raise PresetError(f"{path}, word {number:,}: expected {dim} finite numbers")
        yield word, vector


def _word(read: Callable[[int], bytes]) -> bytes | None:
    """What stands before the next space, without the line break that some tools put before it; None at the end."""
    word = bytearray()
    while (byte := read(1)) != b" ":
        if not byte or len(word) == _LONGEST_WORD:
            return None
        word += byte
    return bytes(word).lstrip(b"\n")
