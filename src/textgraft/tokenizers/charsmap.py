"""The table of characters in a SentencePiece model: which characters become which; without the library.

Such a table is a double array of units, a trie of UTF-8 bytes, and a block of strings that end with NUL.
The units: https://github.com/s-yata/darts-clone
"""

from collections.abc import Iterator

import numpy as np

MOST_BYTES = 5  # the reference tokenizers look nothing up that is longer

_MOST_NODES = 2**14  # of one length, with more behind them; SentencePiece's own table has 300
_LEAF, _LABEL = 1 << 31, 0xFF
_HAS_LEAF, _IS_FAR = 1 << 8, 1 << 9
_BYTES = np.arange(1, 256, dtype=np.uint32)  # NUL ends a key


def character_rules(table: bytes) -> dict[str, str]:
    """Read a table.

    Args:
        table: a `precompiled_charsmap`.

    Returns:
        What becomes of a text that begins so. Left out is what is never looked up: what is longer than `MOST_BYTES`,
        or begins with another rule, since the shortest one is taken.

    Raises:
        ValueError: when it leads outside of itself, or is no text.
    """
    if not table:
        return {}
    size = int.from_bytes(table[:4], "little")
    strings = table[4 + size :]
    if len(table) < 4 or size % 4 or not size or not strings or strings[-1]:
        raise ValueError("its table of characters is cut short")
    units = np.frombuffer(table, "<u4", size // 4, offset=4)
    try:
        return {key.decode(): _string_at(strings, place) for key, place in _leaves(units)}
    except UnicodeDecodeError as error:
        raise ValueError(f"its table of characters is no text: {error}") from error


def _leaves(units: np.ndarray) -> Iterator[tuple[bytes, int]]:
    """Each key that none of the others begins, and the value it has."""
    nodes, keys = _offsets(units[:1]), [b""]
    for _ in range(MOST_BYTES):
        _require(len(nodes) <= _MOST_NODES, "goes in circles")  # branches may grow together, so it is no tree
        places = nodes[:, None] ^ _BYTES
        _require(bool((places < len(units)).all()), "leads outside of itself")
        parents, labels = np.nonzero((units[places] & (_LEAF | _LABEL)) == _BYTES)
        places = places[parents, labels]
        keys = [keys[parent] + bytes([label + 1]) for parent, label in zip(parents, labels, strict=True)]
        nodes, ends = places ^ _offsets(units[places]), (units[places] & _HAS_LEAF) != 0
        _require(bool((nodes[ends] < len(units)).all()), "leads outside of itself")
        for number in np.flatnonzero(ends):
            yield keys[number], int(units[nodes[number]] & ~np.uint32(_LEAF))
        keys = [keys[number] for number in np.flatnonzero(~ends)]
        nodes = nodes[~ends]


def _offsets(units: np.ndarray) -> np.ndarray:
    """From a unit to its children: uint32, of the same shape."""
    return (units >> 10) << ((units & _IS_FAR) >> 6)


def _string_at(strings: bytes, place: int) -> str:
    _require(place < len(strings), "leads outside of its strings")
    return strings[place : strings.index(b"\0", place)].decode()


def _require(is_sound: bool, otherwise: str) -> None:
    if not is_sound:
        raise ValueError(f"its table of characters {otherwise}")
