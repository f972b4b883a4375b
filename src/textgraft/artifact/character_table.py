"""A serialized SentencePiece model, read as far as its tables of characters; without the library.

Such a table is a double array of units and a block of strings. The library follows the units without looking where
they lead, so that is looked at here.

The numbers of the fields are those of sentencepiece_model.proto; the units: https://github.com/s-yata/darts-clone
"""

from pathlib import Path

import numpy as np

from textgraft.artifact.wire import messages
from textgraft.errors import ModelFolderError

_NORMALIZER, _DENORMALIZER = 3, 5
_TABLE = 2
_LEAF, _LABELS = 1 << 31, 0xFF


def require_sound_model(model: bytes, place: Path) -> None:
    """Refuse a model whose tables lead outside of themselves.

    Args:
        model: a serialized `sentencepiece.ModelProto`.
        place: what a message calls it.

    Raises:
        ModelFolderError: when it is malformed.
    """
    try:
        for number in (_NORMALIZER, _DENORMALIZER):
            for specification in messages(model, number):
                for table in messages(specification, _TABLE):
                    _require_sound(table)
    except ValueError as error:
        raise ModelFolderError(f"{place} is refused: {error}; copy the model folder again") from error


def _require_sound(table: bytes) -> None:
    if not table:
        return
    size = int.from_bytes(table[:4], "little")
    strings = table[4 + size :]
    if len(table) < 4 or size % 4 or not size or not strings or strings[-1]:
        raise ValueError("its table of characters is cut short")
    units = np.frombuffer(table, "<u4", size // 4, offset=4)
    leaves = (units & _LEAF) != 0
    if (units[leaves] & ~np.uint32(_LEAF) >= len(strings)).any():
        raise ValueError("its table of characters points outside of its strings")
    shift = (units & (1 << 9)) >> 6
    children = np.arange(len(units), dtype=np.uint64) ^ ((units >> 10).astype(np.uint64) << shift.astype(np.uint64))
    if ((children[~leaves] | _LABELS) >= len(units)).any():
        raise ValueError("its table of characters points outside of itself")
