"""Cache of the token ids of texts between runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from textgraft.storage.array_cache import ArrayCache, ArraySpec


class IdCache:
    """Arrays that a text graph computed in earlier runs, by the hash of graph and texts.

    Args:
        settings: JSON values.
        assets: files of the tokenizer, such as the vocabulary.
        vocabulary_size: number of token ids.
        cache: when it cannot store arrays, they are computed each time.
    """

    def __init__(
        self, settings: Mapping[str, Any], assets: Mapping[str, bytes], vocabulary_size: int, cache: ArrayCache
    ) -> None:
        hashes = {name: sha256(content).hexdigest() for name, content in assets.items()}
        self._identity = json.dumps([dict(settings), hashes], sort_keys=True).encode()
        self.vocabulary_size = vocabulary_size
        self._cache = cache

    def arrays(
        self,
        texts: np.ndarray,
        compute: Callable[[np.ndarray], Sequence[np.ndarray]],
        specs: Sequence[ArraySpec],
    ) -> Sequence[np.ndarray]:
        """The arrays of texts, an object array of UTF-8 bytes; computed where none of these specs are cached."""
        key = self._key(texts)
        arrays = self._cache.get(key, specs)
        if arrays is None:
            arrays = list(compute(texts))
            self._cache.put(key, arrays)
        return arrays

    def _key(self, texts: np.ndarray) -> str:
        digest = sha256(self._identity + repr(texts.shape).encode())
        flat = texts.ravel().tolist()
        digest.update(np.array([len(text) for text in flat], np.int64).tobytes())
        for text in flat:
            digest.update(text)
        return digest.hexdigest()
