"""The file of a model folder with the digests of its training texts, and the field of the config that describes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.data.seen_texts import DIGEST_BYTES, MAX_DIGESTS, SALT_BYTES, SETS, SeenTexts
from textgraft.errors import ModelFolderError
from textgraft.storage.schema import Integer, Object, Scalar
from textgraft.storage.verification import read_bounded

SEEN = "seen_texts.bin"
MAX_SEEN_BYTES = len(SETS) * MAX_DIGESTS * DIGEST_BYTES

_SALT = Scalar(f"{SALT_BYTES} bytes in hexadecimal digits", lambda value: _is_salt(value))
SEEN_SCHEMA = Object({"salt": _SALT, "digests": Object({}, dict.fromkeys(SETS, Integer(0, MAX_DIGESTS)))})


def seen_config(seen: SeenTexts) -> dict[str, Any]:
    """The salt, and the number of digests of each set in the order of the file."""
    return {"salt": seen.salt.hex(), "digests": {name: len(digests) for name, digests in seen.digests.items()}}


def seen_file(seen: SeenTexts) -> bytes:
    """The digests of each set, in ascending order as little-endian integers."""
    return b"".join(digests.astype("<u8").tobytes() for digests in seen.digests.values())


def read_seen(folder: Path, config: Mapping[str, Any], files: Mapping[str, str]) -> SeenTexts | None:
    """The digests of a folder whose config is checked and whose `files` are verified; None where it has none.

    Raises:
        ModelFolderError: when config and file do not match, or digests are not in ascending order.
    """
    path, header = folder / SEEN, config.get("seen_texts")
    if (header is None) != (SEEN not in files):
        present, absent = ("config.json", SEEN) if header else (SEEN, "config.json")
        raise ModelFolderError(
            f"{folder}: {present} has digests of texts, {absent} does not; copy the model folder again"
        )
    if header is None:
        return None
    counts: dict[str, int] = header["digests"]
    content = read_bounded(path, MAX_SEEN_BYTES)
    if len(content) != DIGEST_BYTES * sum(counts.values()):
        raise ModelFolderError(
            f"{path} has {len(content):,} bytes for {sum(counts.values()):,} digests; copy the model folder again"
        )
    sets = np.split(np.frombuffer(content, "<u8"), np.cumsum([*counts.values()])[:-1])
    if any((digests[1:] <= digests[:-1]).any() for digests in sets):
        raise ModelFolderError(f"{path}: digests are not in ascending order; copy the model folder again")
    return SeenTexts(bytes.fromhex(header["salt"]), dict(zip(counts, sets, strict=False)))


def _is_salt(value: Any) -> bool:
    try:
        return len(bytes.fromhex(value)) == SALT_BYTES
    except (TypeError, ValueError):
        return False
