"""Write a SentencePiece table of characters; `textgraft.tokenizers.charsmap` reads one."""

from collections.abc import Mapping

import numpy as np

_BLOCK, _LEAF, _HAS_LEAF = 256, 1 << 31, 1 << 8


def character_table(rules: Mapping[str, str]) -> bytes:
    """A table that says what becomes of a text that begins so.

    Its units are as many as there can be: 256 for each beginning of a rule.
    """
    beginnings = sorted({key.encode()[:length] for key in rules for length in range(len(key.encode()) + 1)})
    blocks = {beginning: number * _BLOCK for number, beginning in enumerate(beginnings)}
    units = np.zeros(len(blocks) * _BLOCK, "<u4")
    for beginning, block in blocks.items():
        if beginning:
            place = blocks[beginning[:-1]] ^ beginning[-1]
            units[place] = beginning[-1] | (place ^ block) << 10
    strings = b""
    for key, replacement in rules.items():
        block = blocks[key.encode()]
        place = blocks[key.encode()[:-1]] ^ key.encode()[-1]
        units[place] |= _HAS_LEAF
        units[block] = _LEAF | len(strings)
        strings += replacement.encode() + b"\0"
    return (4 * len(units)).to_bytes(4, "little") + units.tobytes() + (strings or b"\0")
