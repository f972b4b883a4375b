"""Feature extraction: each text once through a frozen backbone, and what comes out kept for other runs."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.storage.array_cache import ArrayCache
from textgraft.training.inference import inference_step, outputs_of
from textgraft.training.inputs import TokenIds, Vectors

# Enough to sort by length, few enough that little is lost when a run is cut short.
_TOGETHER = 4096


class Extraction:
    """A frozen backbone with a pooling, and the cache of its vectors."""

    def __init__(
        self,
        pool: Callable[..., tf.Tensor],
        spec: Any,
        backbone: Backbone,
        settings: Mapping[str, Any],
        cache: ArrayCache,
        batch_tokens: int | None = None,
    ) -> None:
        """Name what the vectors depend on beside the texts.

        Args:
            pool: (batch of token ids, training) to vectors, float32 (b, dim).
            spec: the type of such a batch.
            backbone: whose network `pool` runs.
            settings: JSON values: pooling, precision and all else that is neither weight nor backbone.
            cache: where vectors are kept.
            batch_tokens: most tokens at once, padding included; by default as many as the backbone trains with.
        """
        self._dim = backbone.dim
        self._batch_tokens = batch_tokens or backbone.training_defaults.batch_tokens
        self._infer = inference_step(pool, spec)
        self._identity = _identity(backbone, settings)
        self._cache = cache

    def vectors(self, tokens: TokenIds, extracted: Callable[[int], None], note: Callable[[str], None]) -> Vectors:
        """The vector of each text.

        Args:
            tokens: of the texts.
            extracted: told how many texts each batch had.
            note: told when vectors cannot be kept.
        """
        stored = Vectors(len(tokens), self._dim)
        for rows in _runs(len(tokens)):
            part = tokens.part(rows)
            key = part.digest(self._identity)
            if found := self._cache.get(key):
                (values,) = found
                extracted(len(part))
            else:
                values = outputs_of(self._infer, part, self._batch_tokens, extracted)
                if problem := self._cache.put(key, [values]):
                    note(problem)
            stored.put(rows, values)
        return stored

    def rehearse(self, tokens: TokenIds, texts: int = 256) -> float:
        """Extract some texts, the first ones, and throw the vectors away; the seconds that all would take."""
        chosen = tokens.part(slice(0, min(texts, len(tokens))))
        self._infer(chosen.batch(np.arange(1)))  # compiles
        start = time.monotonic()
        outputs_of(self._infer, chosen, self._batch_tokens)
        return (time.monotonic() - start) * float(tokens.lengths.sum() / max(1, chosen.lengths.sum()))


def _identity(backbone: Backbone, settings: Mapping[str, Any]) -> bytes:
    described = {**settings, "family": backbone.family, "backbone": backbone.config()}
    weights = [weight for weight in backbone.network.weights if "seed_generator_state" not in weight.path]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(_weight_digest, weights)
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode() + b"".join(parts)).digest()


def _weight_digest(weight: keras.Variable) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(weight.numpy()).reshape(-1).view(np.uint8).data).digest()


def _runs(rows: int) -> Iterator[slice]:
    return (slice(start, min(start + _TOGETHER, rows)) for start in range(0, rows, _TOGETHER))
