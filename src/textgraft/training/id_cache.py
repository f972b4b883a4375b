"""Token ids kept between runs: a text is not tokenised again by the text graph that has tokenised it before."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from textgraft.storage.array_cache import ArrayCache


class IdCache:
    """What a text graph made of some texts, by the hash of both."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, bytes], cache: ArrayCache) -> None:
        """Name all that the text graph depends on.

        Args:
            settings: JSON values.
            assets: files by name: the vocabulary and whatever else the tokenizer is made of.
            cache: where arrays are kept; when it cannot keep them, they are computed each time.
        """
        contents = {name: hashlib.sha256(content).hexdigest() for name, content in assets.items()}
        self._identity = json.dumps([dict(settings), contents], sort_keys=True).encode()
        self._cache = cache

    def arrays(self, texts: np.ndarray, run: Callable[[np.ndarray], Sequence[np.ndarray]]) -> Sequence[np.ndarray]:
        """The arrays that the graph makes of texts.

        Args:
            texts: object array of UTF-8 bytes, (n,) or, for pairs, (n, 2).
            run: computes those of some texts.
        """
        key = self._key(texts)
        found = self._cache.get(key)
        if not found:
            found = list(run(texts))
            self._cache.put(key, found)
        return [np.array(array) for array in found]  # a map would keep its file open

    def _key(self, texts: np.ndarray) -> str:
        digest = hashlib.sha256(self._identity + repr(texts.shape).encode())
        flat = texts.ravel().tolist()
        digest.update(np.array([len(text) for text in flat], np.int64).tobytes())
        for text in flat:
            digest.update(text)
        return digest.hexdigest()
