"""Files of word vectors: text (GloVe, word2vec) and binary (word2vec), compressed or not."""

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
_MAX_WORD_BYTES = 4096
_MAX_DIM = 2**16

Pairs = Iterator[tuple[bytes, np.ndarray]]


def read_vectors(path: Path, limit: int | None = None) -> tuple[list[bytes], np.ndarray]:
    """Read a file word by word; memory grows with the table only.

    Args:
        path: its name ends in one of `SUFFIXES`.
        limit: maximum number of words; None for all.

    Returns:
        words, and float32 (words + 1, dim) whose last row, zeros, is for all other words.

    Raises:
        PresetError: naming the malformed line or word.
    """
    words: dict[bytes, None] = {}
    vectors = bytearray()
    pairs = _binary_pairs if path.name.removesuffix(".gz").endswith(_BINARY) else _text_pairs
    try:
        with _open(path) as file:
            for word, vector in islice(pairs(path, file, limit is None), limit):
                if word not in words:  # the first vector of a word is used, as in the tools that write these files
                    words[word] = None
                    vectors += vector.tobytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PresetError(f"{path} is not a complete gzip file: {error}; download it again") from error
    if not words:
        raise PresetError(f"{path} has no word vectors")
    vectors += bytes(len(vectors) // len(words))
    return list(words), np.frombuffer(vectors, np.float32).reshape(len(words) + 1, -1)


def _open(path: Path) -> AbstractContextManager[BinaryIO]:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _text_pairs(path: Path, file: BinaryIO, complete: bool) -> Pairs:
    """Word and vector of each line; the word may have spaces, and the first line may be the size of the table."""
    expected, line_number, dim = None, 0, 0
    for line_number, line in enumerate(file, start=1):
        cells = line.rstrip().split(b" ")
        if line_number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
            expected, dim = int(cells[0]), int(cells[1])
            continue
        dim = dim or len(cells) - 1
        yield b" ".join(cells[:-dim]), _vector(path, line_number, cells, dim)
    if complete and expected is not None and line_number - 1 != expected:
        raise PresetError(
            f"{path} has {line_number - 1} words, but {expected} according to its first line; download it again"
        )


def _vector(path: Path, line_number: int, cells: list[bytes], dim: int) -> np.ndarray:
    word = b" ".join(cells[:-dim]).split()
    try:
        vector = np.array(cells[-dim:], np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    too_long = len(word) > 1 and _NUMBER.fullmatch(word[-1])
    if too_long or len(cells) <= dim or dim < 1 or len(vector) != dim or not np.isfinite(vector).all():
        raise PresetError(f"{path}, line {line_number}: expected a word and {max(dim, 1)} finite numbers")
    return vector


def _binary_pairs(path: Path, file: BinaryIO, complete: bool) -> Pairs:
    """A line with the size of the table; then each word, a space, and its vector as little-endian float32."""
    size = file.readline(64).split()
    if len(size) != 2 or not all(cell.isdigit() for cell in size):
        raise PresetError(f"{path}: its first line must be the number of words and the number of dimensions")
    count, dim = map(int, size)
    if not 0 < dim <= _MAX_DIM:
        raise PresetError(f"{path}: {dim:,} dimensions; the maximum is {_MAX_DIM:,}")
    for index in range(1, count + 1):
        word, data = _read_word(file.read), file.read(4 * dim)
        if word is None or len(data) < 4 * dim:
            raise PresetError(f"{path} ends in word {index:,} of {count:,}; download it again")
        vector = np.frombuffer(data, "<f4")
        if not np.isfinite(vector).all():
            raise PresetError(f"{path}, word {index:,}: expected {dim} finite numbers")
        yield word, vector


def _read_word(read: Callable[[int], bytes]) -> bytes | None:
    """The bytes before the next space, without the line break that some tools write first; None at the end."""
    word = bytearray()
    while (byte := read(1)) != b" ":
        if not byte or len(word) == _MAX_WORD_BYTES:
            return None
        word += byte
    return bytes(word).lstrip(b"\n")
