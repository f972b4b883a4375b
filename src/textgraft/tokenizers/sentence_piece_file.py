"""A reader of the character rules of a serialized SentencePiece model, without sentencepiece or TensorFlow.

Field numbers are those of sentencepiece_model.proto. The `precompiled_charsmap` is the size of a double array in bytes,
the array (a trie of UTF-8 keys), and the replacements, each with a NUL at its end.
Units of the array: https://github.com/s-yata/darts-clone
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from textgraft.errors import ModelFolderError
from textgraft.protobuf import fields, messages, require_single

MAX_KEY_BYTES = 5  # the reference tokenizers look up nothing longer

_PIECES, _TRAINER, _NORMALIZER, _CHARSMAP = 1, 2, 3, 2

_MAX_NODES = 2**14  # per depth; SentencePiece's own rules have 300
_LEAF, _LABEL = 1 << 31, 0xFF
_HAS_LEAF, _IS_FAR = 1 << 8, 1 << 9
_LABELS = np.arange(1, 256, dtype=np.uint32)  # NUL ends a key


def check_sentence_piece_model(model: bytes, location: Path) -> int:
    """Check that a serialized `sentencepiece.ModelProto` and its character rules can be read.

    Returns:
        The number of pieces.

    Raises:
        ModelFolderError: when the model is malformed.
    """
    try:
        parts: dict[int, list[bytes]] = defaultdict(list)
        for number, value in fields(model):
            if isinstance(value, bytes):
                parts[number].append(value)
        _require_one_of_each(parts)
        for normalizer in parts[_NORMALIZER]:
            require_single(normalizer, (_CHARSMAP,))
            for charsmap in messages(normalizer, _CHARSMAP):
                character_rules(charsmap)
        return len(parts[_PIECES])
    except ValueError as error:
        raise ModelFolderError(f"{location} is damaged: {error}; copy the model folder again") from error


def _require_one_of_each(parts: Mapping[int, Sequence[bytes]]) -> None:
    if any(len(parts[number]) > 1 for number in (_TRAINER, _NORMALIZER)):
        raise ValueError("it has two specifications of its training or of its normalizer")


def character_rules(charsmap: bytes) -> dict[str, str]:
    """Read a `precompiled_charsmap`.

    Returns:
        Replacement by key, without keys that no lookup reaches: those longer than `MAX_KEY_BYTES`, and those that start
        with another key, since the shortest match wins.

    Raises:
        ValueError: when an offset is out of range or the text is not UTF-8.
    """
    if not charsmap:
        return {}
    size = int.from_bytes(charsmap[:4], "little")
    strings = charsmap[4 + size :]
    if len(charsmap) < 4 or size % 4 or not size or not strings or strings[-1]:
        raise ValueError("its character rules are truncated")
    units = np.frombuffer(charsmap, "<u4", size // 4, offset=4)
    try:
        return {key.decode(): _string_at(strings, offset) for key, offset in _leaves(units)}
    except UnicodeDecodeError as error:
        raise ValueError(f"its character rules are not UTF-8: {error}") from error


def _leaves(units: np.ndarray) -> Iterator[tuple[bytes, int]]:
    """The keys that start with no other key, and their values; breadth first."""
    nodes, keys = _child_offsets(units[:1]), [b""]
    for _ in range(MAX_KEY_BYTES):
        _require(len(nodes) <= _MAX_NODES, "have a cycle")  # branches can share nodes, so their number is unbounded
        children = nodes[:, None] ^ _LABELS
        _require(bool((children < len(units)).all()), "have an offset out of range")
        parents, labels = np.nonzero((units[children] & (_LEAF | _LABEL)) == _LABELS)
        children = children[parents, labels]
        keys = [keys[parent] + bytes([label + 1]) for parent, label in zip(parents, labels, strict=True)]
        nodes, is_end = children ^ _child_offsets(units[children]), (units[children] & _HAS_LEAF) != 0
        _require(bool((nodes[is_end] < len(units)).all()), "have an offset out of range")
        for index in np.flatnonzero(is_end):
            yield keys[index], int(units[nodes[index]] & ~np.uint32(_LEAF))
        keys = [keys[index] for index in np.flatnonzero(~is_end)]
        nodes = nodes[~is_end]


def _child_offsets(units: np.ndarray) -> np.ndarray:
    """Offsets from units to their children; uint32, the same shape."""
    return (units >> 10) << ((units & _IS_FAR) >> 6)


def _string_at(strings: bytes, offset: int) -> str:
    _require(offset < len(strings), "have a replacement out of range")
    return strings[offset : strings.index(b"\0", offset)].decode()


def _require(is_sound: bool, problem: str) -> None:
    if not is_sound:
        raise ValueError(f"its character rules {problem}")
