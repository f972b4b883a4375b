"""The proof that a LiteRT network in int8 answers as its model, on texts that the model was not trained on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import eq
from pathlib import Path
from typing import Any, cast

import numpy as np

from textgraft.errors import ConfigError
from textgraft.export.litert_network import LiteRtNetwork
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.feature_extraction import TextEmbedder, cosine_similarities, vector_agreement
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.quantization import Agreement, require_enough_texts
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.texts import WINDOW
from textgraft.training.token_ids import TruncationCount


class Proof(ABC):
    """Texts, and the answers of the model to them.

    Attributes:
        source: of the texts.
        batches: UTF-8 bytes, object (n,) or (n, 2) each.
    """

    source: str
    batches: Sequence[np.ndarray]

    def check(self, network: LiteRtNetwork) -> dict[str, Any]:
        """Compare the answers of a network in int8.

        Returns:
            the proof, as JSON values: "data", "texts", the fields of `Agreement`, and for vectors "least", the least
            similarity.

        Raises:
            ConfigError: when int8 does not suffice.
        """
        outputs = np.concatenate([network.outputs(_strings(batch)) for batch in self.batches])
        agreement, facts = self._compare(outputs, network)
        agreement.require(len(outputs), "export without --int8")
        return {"data": self.source, "texts": len(outputs), **agreement._asdict(), **facts}

    @abstractmethod
    def _compare(self, outputs: np.ndarray, network: LiteRtNetwork) -> tuple[Agreement, dict[str, float]]:
        """How the outputs of a network, (n, ...), compare with those of the model, and other figures."""


def read_proof(model: Task, source: str) -> Proof:
    """Read the texts by which a classifier with labels, or an embedder, is compared with a network in int8.

    Texts that the classifier is known to have been trained on are excluded, and a warning counts them.

    Raises:
        ConfigError: for a model for numbers.
        DataError: when the texts cannot be read, have labels that the model does not have, or are too few.
    """
    return _VectorProof(model, source) if isinstance(model, TextEmbedder) else _LabelProof(model, source)


class _LabelProof(Proof):
    def __init__(self, model: Task, source: str) -> None:
        self._model = classifier = cast("TextClassifier", model)
        if not classifier.labels:
            raise ConfigError("int8 is proved by labels, which a model for numbers lacks; export without --int8")
        data = classifier.read_test_data(source)
        classifier.check_labels(data)
        self._data, _ = classifier.find_seen(data, unseen=classifier.seen is not None)
        require_enough_texts(source, len(self._data))
        self.source, self.batches = source, [batch.inputs for batch in self._data.batches(WINDOW)]

    def _compare(self, outputs: np.ndarray, network: LiteRtNetwork) -> tuple[Agreement, dict[str, float]]:
        model, metric = self._model, task_spec(self._model.name).schema(self._model.settings()).headline[0]
        expected = np.concatenate(list(model.outputs(self.batches, TruncationCount())))
        answers, scores = [], []
        for objective, values in ((model.objective, expected), (cast("TextObjective", network.objective), outputs)):
            answers.append(objective.decode(objective.probabilities(values), objective.labels))
            scores.append(objective.evaluate(self._data, values)[metric])
        return Agreement(sum(map(eq, *answers)) / len(outputs), scores[0] - scores[1], metric), {}


class _VectorProof(Proof):
    def __init__(self, model: TextEmbedder, source: str) -> None:
        self._model, self.source = model, source
        self.batches = list(model.text_batches(Path(source)))
        require_enough_texts(source, sum(map(len, self.batches)))

    def _compare(self, outputs: np.ndarray, network: LiteRtNetwork) -> tuple[Agreement, dict[str, float]]:
        expected = np.concatenate(list(self._model.outputs(self.batches, TruncationCount())))
        cosines = cosine_similarities(outputs, expected)
        return vector_agreement(cosines), {"least": float(cosines.min())}


def _strings(texts: np.ndarray) -> list[Any]:
    """Strings, or pairs of them, of UTF-8 bytes (n,) or (n, 2)."""
    return [text.decode() if isinstance(text, bytes) else tuple(part.decode() for part in text) for text in texts]
