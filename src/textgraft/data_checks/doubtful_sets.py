"""Sets of labels that look wrong: labels that are missing, or too many, by a quick model for each label."""

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.labels import show_label
from textgraft.data_checks.confident_learning import doubtful_labels
from textgraft.data_checks.doubt import Doubt
from textgraft.data_checks.quick_model import count_word_pairs, out_of_fold_probabilities

_MIN_TEXTS = 20  # with a label, and without it
_MAX_LABELS = 50  # the most frequent ones


def doubtful_sets(data: Dataset, texts: np.ndarray, seed: int) -> list[Doubt]:
    """Rows with a label that is probably missing or wrong, the most doubtful first; one doubt for each row.

    Args:
        data: texts with sets of labels.
        texts: index of the distinct text of each row.
        seed: of the folds.
    """
    counts = data.counts()
    usual = [name for name, count in counts.items() if _MIN_TEXTS <= count <= len(data) - _MIN_TEXTS]
    names = sorted(usual, key=lambda name: -counts[name])[:_MAX_LABELS]
    if not names:
        return []
    ngrams, has_label = count_word_pairs(data), _flags(data, list(counts), names)
    doubts: dict[int, Doubt] = {}
    for name, targets in zip(names, has_label.T, strict=True):
        probabilities = out_of_fold_probabilities(ngrams, targets, texts, seed)
        doubtful = doubtful_labels(probabilities, targets)
        for row in doubtful.order[: doubtful.total].tolist():
            labelled, other = probabilities[row, targets[row]], probabilities[row, 1 - targets[row]]
            verb = "wrong" if targets[row] else "missing"
            doubt = Doubt(row, f"label {show_label(name)} is probably {verb} ({other:.2f})", float(labelled / other))
            doubts[row] = min(doubts.get(row, doubt), doubt, key=lambda doubt: doubt.ratio)
    return sorted(doubts.values(), key=lambda doubt: doubt.ratio)


def _flags(data: Dataset, names: list[str], chosen: list[str]) -> np.ndarray:
    """Whether each row has each chosen label, int (n, chosen)."""
    indices, lengths = data.label_sets(names)
    flags = np.zeros((len(data), len(names)), np.int64)
    flags[np.repeat(np.arange(len(data)), lengths), indices] = 1
    return flags[:, [names.index(name) for name in chosen]]
