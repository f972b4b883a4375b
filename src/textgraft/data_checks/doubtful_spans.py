"""Labelled spans that look wrong, missing or spurious, by a quick model of single words and their neighbours."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from textgraft.data.annotations import TaggedText
from textgraft.data.labels import show_label
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.doubt import Doubt
from textgraft.data_checks.quick_model import out_of_fold_probabilities, unscaled

_OUTSIDE = ""
_BUCKETS = 1 << 18
_MAX_WORDS = 400_000
_WORD = re.compile(r"\w+|[^\w\s]")

# Most words are outside of spans, and a model that misses many entities takes theirs for such. So probabilities are
# divided by this power of the share of their label, and for words in spans that of being outside by the whole share.
_SHARE_POWER = 0.5
_MAX_LOG_RATIO = -3.0  # of the divided probability of the label to that of another one
_MIN_PROBABILITY = 1e-9


class DoubtfulSpans(NamedTuple):
    """Rows by doubt.

    Attributes:
        ranked: one for each row with a word that rather has another label, the most doubtful first.
        total: how many of the first ones are likely to be wrong.
        recall: share of the words in spans whose label the model predicts.
    """

    ranked: list[Doubt]
    total: int
    recall: float


class _Words(NamedTuple):
    """Words of texts, with the label, the row and the features of each."""

    words: list[str]
    labels: list[str]
    rows: list[int]
    features: list[list[str]]


def doubtful_spans(data: TaggedDataset, texts: np.ndarray, seed: int) -> DoubtfulSpans | None:
    """Rank rows by the word whose label is most probably wrong; None where all words have one label, or none.

    Args:
        data: texts with labelled spans.
        texts: index of the distinct text of each row.
        seed: of the folds.
    """
    words, labels, rows, features = _words_of(data)
    names, targets = np.unique(np.array(labels, str), return_inverse=True)
    if len(names) < 2:
        return None
    matrix = normalize(FeatureHasher(_BUCKETS, input_type="string", dtype=np.float32).transform(features))
    probabilities = out_of_fold_probabilities(matrix, targets, texts[np.array(rows)], seed, (unscaled,))
    is_inside = names[targets] != _OUTSIDE
    ratio, likely = _log_ratios(probabilities, targets, is_inside)
    doubts: dict[int, Doubt] = {}
    for index in np.argsort(ratio, kind="stable")[: (ratio < 0).sum()].tolist():
        label, other = int(targets[index]), int(likely[index])
        reason = (
            f"the word {words[index]!r:.40} is {_show(names[label])}, rather {_show(names[other])} (probability "
            f"{probabilities[index, other]:.2f} against {probabilities[index, label]:.2f})"
        )
        doubts.setdefault(rows[index], Doubt(rows[index], reason, float(ratio[index])))
    recall = float((probabilities.argmax(axis=1) == targets)[is_inside].mean())
    return DoubtfulSpans(list(doubts.values()), sum(doubt.ratio < _MAX_LOG_RATIO for doubt in doubts.values()), recall)


def _log_ratios(probabilities: np.ndarray, targets: np.ndarray, is_inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log ratio of the label of each word to the most likely other one, float64 (n,), and that one, int (n,).

    `is_inside` says whether each word is in a span.
    """
    words = np.arange(len(targets))
    log_shares = np.log(np.bincount(targets, minlength=probabilities.shape[1]) / len(targets))
    logs = np.log(np.maximum(probabilities, _MIN_PROBABILITY)) - _SHARE_POWER * log_shares
    others = logs.copy()
    for outside in np.unique(targets[~is_inside]):
        others[is_inside, outside] -= (1 - _SHARE_POWER) * (log_shares[outside] - log_shares[targets[is_inside]])
    others[words, targets] = -np.inf
    return logs[words, targets] - others.max(axis=1), others.argmax(axis=1)


def _words_of(data: TaggedDataset) -> _Words:
    """The words of the first rows, as many as are looked at."""
    words = _Words([], [], [], [])
    for row, tagged in enumerate(data):
        if len(words.words) > _MAX_WORDS:
            break
        bounds = _word_bounds(tagged)
        tokens = [tagged.text[start:end] for start, end in bounds]
        words.words.extend(tokens)
        words.labels.extend(_labels(tagged, bounds))
        words.rows.extend([row] * len(tokens))
        words.features.extend(_features(tokens))
    return words


def _word_bounds(tagged: TaggedText) -> list[tuple[int, int]]:
    return tagged.words if tagged.words is not None else [match.span() for match in _WORD.finditer(tagged.text)]


def _labels(tagged: TaggedText, bounds: list[tuple[int, int]]) -> Iterator[str]:
    """The label of the span that each word begins in, or none."""
    for start, _ in bounds:
        yield next((span.label for span in tagged.spans if span.start <= start < span.end), _OUTSIDE)


def _features(words: list[str]) -> list[list[str]]:
    """What the model knows of each word: its spelling, its ends, its shape, and its neighbours."""
    lower, shapes = [word.lower() for word in words], [_shape(word) for word in words]
    padded, padded_shapes = ["<s>", *lower, "</s>"], ["", *shapes, ""]
    return [
        [
            f"w={lower[index]}", f"3={lower[index][-3:]}", f"2={lower[index][-2:]}", f"p={lower[index][:3]}",
            f"s={shapes[index]}", f"b={padded[index]}", f"a={padded[index + 2]}", f"bs={padded_shapes[index]}",
            f"as={padded_shapes[index + 2]}", f"s+b={shapes[index]} {padded[index]}",
        ]
        for index in range(len(words))
    ]  # fmt: skip


def _shape(word: str) -> str:
    """The kinds of characters in order, such as Xx for Rome."""
    kinds = (
        "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else "."
        for character in word[:20]
    )
    return re.sub(r"(.)\1+", r"\1", "".join(kinds))


def _show(label: str) -> str:
    return show_label(label) if label else "outside of spans"
