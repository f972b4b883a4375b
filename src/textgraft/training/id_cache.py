"""Cache of the token ids of texts between runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from textgraft.storage.array_cache import ArrayCache


class IdCache:
    """Arrays that a text graph computed in earlier runs, by the hash of graph and texts.

    Args:
        settings: JSON values.
        assets: files of the tokenizer, such as the vocabulary.
        cache: when it cannot store arrays, they are computed each time.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, bytes], cache: ArrayCache) -> None:
        hashes = {name: sha256(content).hexdigest() for name, content in assets.items()}
        self._identity = json.dumps([dict(settings), hashes], sort_keys=True).encode()
        self._cache = cache

    def arrays(self, texts: np.ndarray, compute: Callable[[np.ndarray], Sequence[np.ndarray]]) -> Sequence[np.ndarray]:
        """The arrays of texts, an object array of UTF-8 bytes; computed where they are not cached."""
        key = self._key(texts)
        arrays = self._cache.get(key)
        if not arrays:
            arrays = list(compute(texts))
            self._cache.put(key, arrays)
        return [np.array(array) for array in arrays]  # a memory map would keep its file open

    def _key(self, texts: np.ndarray) -> str:
        digest = sha256(self._identity + repr(texts.shape).encode())
        flat = texts.ravel().tolist()
        digest.update(np.array([len(text) for text in flat], np.int64).tobytes())
        for text in flat:
            digest.update(text)
        return digest.hexdigest()
