"""The results of an evaluation as arrays, collected row by row while the model is evaluated."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.label_types import label_name
from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.data.text_languages import detect_languages, without_rare_languages
from textgraft.data.text_scripts import main_script
from textgraft.report.selected_texts import SelectedTexts
from textgraft.tasks.row_results import RowResult

ENTITIES = "entities"  # beside the problems of `data.labels`
_MAX_CURVES_LABELS = 1000  # beyond which probabilities would take as much memory as the largest models
NO_LABEL = ""  # in place of the label of an entity that is missed, or of one that is not there


@dataclass(frozen=True)
class Results:
    """The rows of an evaluation.

    Attributes:
        problem: one of `data.labels.PROBLEMS`, or "entities".
        labels: of the model, as strings; none for numbers.
        targets: label ids, int (n,); of sets, bool (n, labels); numbers, float (n,); the number of entities, int (n,).
        predictions: likewise.
        scores: confidence of each prediction, float (n,), see `RowResult.score`; NaN for none.
        is_right: whether each prediction is right, bool (n,).
        is_withheld: whether it is withheld, bool (n,).
        is_unknown: whether it is withheld, also, because the text is unlike those of the training, bool (n,).
        probabilities: float32 (n, labels); None for numbers, entities and more than 1,000 labels.
        characters: length of each text in code points, int (n,).
        scripts: the script of each text, str (n,).
        languages: the language of each text, str (n,), as `without_rare_languages` leaves them; None where they are not
            told apart.
        columns: the cells of other columns by name, each (n,).
        entity_scores: score of each predicted entity, float (entities,).
        entity_is_right: whether each predicted entity is right, bool (entities,).
        hits: number of right entities in each text, int (n,).
        pairs: numbers of entities by true and predicted label, `NO_LABEL` for neither.
        texts: the worst errors, the most doubtful texts, and a sample of all.
    """

    problem: str
    labels: tuple[str, ...]
    targets: np.ndarray
    predictions: np.ndarray
    scores: np.ndarray
    is_right: np.ndarray
    is_withheld: np.ndarray
    is_unknown: np.ndarray
    characters: np.ndarray
    scripts: np.ndarray
    texts: SelectedTexts
    languages: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    entity_scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    entity_is_right: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    hits: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def errors(self) -> np.ndarray:
        """Prediction minus truth, of numbers, float (n,)."""
        errors: np.ndarray = self.predictions - self.targets
        return errors


class ResultCollector:
    """Takes consecutive rows of an evaluation and their results; memory holds a few texts and numbers per row."""

    def __init__(self, problem: str, labels: Sequence[Any], texts: SelectedTexts) -> None:
        """`labels` are those of the model, in the type of its answers."""
        self.problem, self._labels, self._selected = problem, tuple(labels), texts
        self._ids = {label: index for index, label in enumerate(self._labels)}
        self._parts: list[dict[str, np.ndarray]] = []
        self._spans: list[tuple[float, bool]] = []
        self._pairs: Counter[tuple[str, str]] = Counter()

    def add(
        self, data: Dataset, results: Sequence[RowResult], columns: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """Take rows, their results, and the cells of other columns by name."""
        texts = [tuple(map(bytes.decode, np.atleast_1d(row))) for batch in data.batches() for row in batch.inputs]
        joined = [" ".join(parts) for parts in texts]
        part = {
            "targets": self._encoded([row.truth for row in results]),
            "predictions": self._encoded([row.prediction for row in results]),
            "scores": np.array([np.nan if row.score is None else row.score for row in results], float),
            "is_right": np.array([row.error == 0 for row in results], bool),
            "is_withheld": np.array([row.abstained for row in results], bool),
            "is_unknown": np.array([row.unknown for row in results], bool),
            "characters": np.array([sum(map(len, parts)) for parts in texts], int),
            "scripts": np.array(list(map(main_script, joined)), object),
        }
        if (languages := detect_languages(joined)) is not None:
            part["languages"] = np.array(languages, object)
        if results and results[0].probabilities is not None and len(self._labels) <= _MAX_CURVES_LABELS:
            part["probabilities"] = np.array([row.probabilities for row in results], np.float32)
        if self.problem == ENTITIES:
            part["hits"] = np.array([self._match(row) for row in results], int)
        part |= {f"column {name}": np.array(list(map(str, cells)), object) for name, cells in (columns or {}).items()}
        self._parts.append(part)
        for index, (parts, row) in enumerate(zip(texts, results, strict=True)):
            self._selected.add(parts, row, partial(data.location, index))

    def finish(self) -> Results:
        """All rows; at least one was taken."""
        names = [name for name in self._parts[0] if all(name in part for part in self._parts)]
        joined = {name: np.concatenate([part[name] for part in self._parts]) for name in names}
        columns = {name: joined.pop(name) for name in list(joined) if name.startswith("column ")}
        if "languages" in joined:
            joined["languages"] = np.array(without_rare_languages(joined["languages"].tolist()), object)
        return Results(
            self.problem,
            tuple(map(label_name, self._labels)),
            **joined,
            texts=self._selected,
            columns={name.removeprefix("column "): cells for name, cells in columns.items()},
            entity_scores=np.array([score for score, _ in self._spans], float),
            entity_is_right=np.array([is_right for _, is_right in self._spans], bool),
            pairs=self._pairs,
        )

    def _encoded(self, answers: Sequence[Any]) -> np.ndarray:
        if self.problem == SINGLE:
            return np.array([self._ids[answer] for answer in answers], int)
        if self.problem == REGRESSION:
            return np.array(answers, float)
        if self.problem == MULTI:
            flags = np.zeros((len(answers), len(self._labels)), bool)
            for row, answer in enumerate(answers):
                flags[row, [self._ids[label] for label in answer]] = True
            return flags
        return np.array([len(answer) for answer in answers], int)

    def _match(self, row: RowResult) -> int:
        """Count the entities of a row by label and outcome; returns the number of right ones."""
        truth = {(item["start"], item["end"]): item["label"] for item in row.truth}
        hits = 0
        for item in row.prediction:
            label = truth.pop((item["start"], item["end"]), NO_LABEL)
            is_right = label == item["label"]
            hits += is_right
            self._spans.append((item["score"], is_right))
            self._pairs[label, item["label"]] += 1
        for label in truth.values():
            self._pairs[label, NO_LABEL] += 1
        return hits
