"""Digests of the texts of a training, by which an evaluation counts the texts that the model has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import DataError

# How a model has seen a text: a text of several sets counts for the first. Those of `adapt` and `pretrain` come last.
TRAIN, VALIDATION, ADAPTATION = SETS = ("train", "validation", "adaptation")
_VERBS = {TRAIN: "trained on", VALIDATION: "validated on", ADAPTATION: "adapted to"}
MAX_DIGESTS = 2**20  # in a set; of more texts, those with the smallest digests are kept, which are a random sample
SALT_BYTES, DIGEST_BYTES = 16, 8
_FOLDED_BYTES = 16  # a digest of `Dataset.digests`


@dataclass(frozen=True)
class SeenTexts:
    """Salted digests of texts.

    Attributes:
        salt: `SALT_BYTES` bytes.
        digests: by set, uint64 (n,), in ascending order without duplicates, at most `MAX_DIGESTS`.
    """

    salt: bytes
    digests: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, texts: Mapping[str, np.ndarray], salted_by: str) -> Self:
        """The digests of sets of texts, each given by `Dataset.digests`; the salt is derived from a string."""
        return cls(blake2b(salted_by.encode(), digest_size=SALT_BYTES).digest(), {}).with_texts(texts)

    def with_texts(self, texts: Mapping[str, np.ndarray]) -> Self:
        """These and further sets of texts, each given by `Dataset.digests`."""
        return self._merged(self.digests, {name: salted_digests(digests, self.salt) for name, digests in texts.items()})

    def as_adaptation(self) -> Self:
        """The same texts, seen without labels by the backbone of another model."""
        return self._merged(*({ADAPTATION: digests} for digests in self.digests.values()))

    def _merged(self, *parts: Mapping[str, np.ndarray]) -> Self:
        sets = {name: [part[name] for part in parts if name in part] for name in SETS}
        merged = {name: np.unique(np.concatenate(digests))[:MAX_DIGESTS] for name, digests in sets.items() if digests}
        return replace(self, digests=merged)


class SeenRows:
    """Which of some rows a model has seen; estimates where a set of the model is a sample."""

    def __init__(self, seen: SeenTexts) -> None:
        self.rows = 0
        self._seen = seen
        self._hits = dict.fromkeys(seen.digests, 0)

    def add(self, texts: np.ndarray) -> np.ndarray:
        """Count rows, given by `Dataset.digests`; returns bool (n,), whether each is certain to be unseen."""
        digests = salted_digests(texts, self._seen.salt)
        unseen, counted = np.ones(len(digests), bool), np.zeros(len(digests), bool)
        for name, known in self._seen.digests.items():
            hits = np.isin(digests, known) & ~counted
            self._hits[name] += int(hits.sum())
            counted |= hits
            unseen &= ~hits & (digests <= _bound(known))
        self.rows += len(digests)
        return unseen

    @property
    def estimated(self) -> bool:
        """Whether the counts are estimates."""
        return any(len(known) == MAX_DIGESTS for known in self._seen.digests.values())

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each set."""
        shares = {name: (_bound(known) + 1) / 2 ** (8 * DIGEST_BYTES) for name, known in self._seen.digests.items()}
        return {name: min(self.rows, round(hits / shares[name])) for name, hits in self._hits.items()}

    def record(self) -> dict[str, Any]:
        """`counts`, of the training and the validation set at least, and "estimated" where they are."""
        return {TRAIN: 0, VALIDATION: 0, **self.counts, **({"estimated": True} if self.estimated else {})}


def take_unseen(data: Dataset, is_unseen: np.ndarray) -> Dataset:
    """The rows that are certain to be unseen, bool (n,); a DataError when there are none."""
    if not is_unseen.any():
        raise DataError(f"{data.source}: the model has seen each of its {len(data):,} texts; use other texts")
    return data.take(np.flatnonzero(is_unseen))


def none_seen(is_unseen: np.ndarray) -> dict[str, Any]:
    """The `SeenRows.record` of the rows that `take_unseen` takes, with the number of those excluded."""
    return {TRAIN: 0, VALIDATION: 0, "excluded": int((~is_unseen).sum())}


def describe_seen(source: str, record: Mapping[str, Any], rows: int) -> str:
    """A line about how many of some rows a model has seen, or were excluded, by their record; empty where none."""
    if excluded := record.get("excluded"):
        return f"{source}: {excluded:,} texts that the model has seen are excluded; {rows:,} remain"
    about = "about " if record.get("estimated") else ""
    parts = [f"{verb} {about}{record[name]:,}" for name, verb in _VERBS.items() if record.get(name)]
    return f"{source}: the model was {' and '.join(parts)} of these {rows:,} texts" if parts else ""


def salted_digests(texts: np.ndarray, salt: bytes) -> np.ndarray:
    """Digests of `Dataset.digests`, V16 (n,), as salted ones, uint64 (n,)."""
    content = texts.tobytes()
    parts = (content[start : start + _FOLDED_BYTES] for start in range(0, len(content), _FOLDED_BYTES))
    salted = (blake2b(part, digest_size=DIGEST_BYTES, key=salt).digest() for part in parts)
    return np.frombuffer(b"".join(salted), "<u8")


def _bound(digests: np.ndarray) -> int:
    """The largest digest for which it is known whether it is in the set."""
    return int(digests[-1]) if len(digests) == MAX_DIGESTS else 2 ** (8 * DIGEST_BYTES) - 1
