"""Write the character rules of a SentencePiece model; `textgraft.tokenizers.sentence_piece_file` reads them."""

from collections.abc import Mapping

import numpy as np

_BLOCK, _LEAF, _HAS_LEAF = 256, 1 << 31, 1 << 8


def character_table(rules: Mapping[str, str]) -> bytes:
    """A `precompiled_charsmap` of replacements by key, uncompressed: 256 units for each prefix of a key."""
    prefixes = sorted({key.encode()[:length] for key in rules for length in range(len(key.encode()) + 1)})
    blocks = {prefix: index * _BLOCK for index, prefix in enumerate(prefixes)}
    units = np.zeros(len(blocks) * _BLOCK, "<u4")
    for prefix, block in blocks.items():
        if prefix:
            index = blocks[prefix[:-1]] ^ prefix[-1]
            units[index] = prefix[-1] | (index ^ block) << 10
    strings = b""
    for key, replacement in rules.items():
        block = blocks[key.encode()]
        index = blocks[key.encode()[:-1]] ^ key.encode()[-1]
        units[index] |= _HAS_LEAF
        units[block] = _LEAF | len(strings)
        strings += replacement.encode() + b"\0"
    return (4 * len(units)).to_bytes(4, "little") + units.tobytes() + (strings or b"\0")
