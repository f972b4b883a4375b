"""The trained classifier that a new one extends by further labels and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgraft.data.seen_texts import TRAIN
from textgraft.errors import counted
from textgraft.model_folder.card import results
from textgraft.model_folder.replay import Embeddings, Replay, no_embeddings
from textgraft.training.linear_head import BIAS_PENALTY, LinearHead


@dataclass(frozen=True)
class EarlierClassifier:
    """A classifier of one label per text, whose backbone the new model shares.

    Attributes:
        source: its folder, as the user named it.
        sha256: of the files of the folder.
        model: a `TextClassifier`.
    """

    source: str
    sha256: Mapping[str, str]
    model: Any

    @property
    def head(self) -> LinearHead:
        """Its head, of its labels."""
        return LinearHead.of(self.model.head.layers[-1])

    @property
    def labels(self) -> int:
        """The number of its labels, which are the first ones of the new model."""
        return len(self.model.labels)

    @property
    def replay(self) -> Replay | None:
        """The embeddings that it keeps."""
        return self.model.replay  # type: ignore[no-any-return]

    def embeddings(self, name: str) -> Embeddings:
        """Those of a set in `REPLAYED_SETS`, which may be none."""
        return self.replay.sets[name] if self.replay else no_embeddings(self.model.backbone.dim)

    @property
    def bias_penalty(self) -> float:
        """The penalty for changes of the biases, which replayed embeddings of all labels make needless."""
        replayed = np.unique(self.embeddings(TRAIN).targets)
        return 0.0 if len(replayed) == self.labels else BIAS_PENALTY

    def describe_replay(self, source: str, counts: Mapping[str, int]) -> str:
        """A line about what is replayed, or what may be forgotten; `counts` are texts by label of a source."""
        if replayed := len(self.embeddings(TRAIN)):
            return f"{counted(replayed, 'embedding')} of {self.source} replayed, so that its labels are remembered"
        absent = sum(label not in counts for label in self.model.output_labels)
        if not absent:
            return f"{self.source} keeps no embeddings to replay; all its {self.labels} labels have texts in {source}"
        return (
            f"{self.source} keeps no embeddings to replay, and {absent} of its {self.labels} labels have no text in "
            f"{source}: they may be forgotten; add texts of them, or train {self.source} with keep_replay"
        )

    def stored_accuracy(self) -> dict[str, Any]:
        """The accuracy that its folder states, of its test or else its validation set; empty where there is none."""
        stored: dict[str, Any] = {}
        for name, values in results(self.model.record):
            if "accuracy" in values:
                stored = {"stored": {"set": name, "accuracy": values["accuracy"]}}
        return stored
