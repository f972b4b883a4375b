"""Labelled spans that look wrong, missing or spurious, by a quick model of single words and their neighbours."""

import re
from collections.abc import Iterator

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from textgraft.data.annotations import TaggedText
from textgraft.data.labels import show_label
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.confident_learning import doubtful_labels
from textgraft.data_checks.doubt import Doubt
from textgraft.data_checks.quick_model import out_of_fold_probabilities, unscaled

_OUTSIDE = ""
_BUCKETS = 1 << 18
_MAX_WORDS = 400_000
_MIN_PROBABILITY = 0.9  # of another label: rare entities are often taken for other words with less
_WORD = re.compile(r"\w+|[^\w\s]")


def doubtful_spans(data: TaggedDataset, texts: np.ndarray, seed: int) -> list[Doubt]:
    """Rows with a word whose label is probably wrong, the most doubtful first; one doubt for each row.

    Args:
        data: texts with labelled spans.
        texts: index of the distinct text of each row.
        seed: of the folds.
    """
    words, labels, rows = list[str](), list[str](), list[int]()
    features = list[list[str]]()
    for row, tagged in enumerate(data):
        if len(words) > _MAX_WORDS:
            break
        bounds = _word_bounds(tagged)
        tokens = [tagged.text[start:end] for start, end in bounds]
        words += tokens
        labels += _labels(tagged, bounds)
        rows += [row] * len(tokens)
        features += _features(tokens)
    names, targets = np.unique(np.array(labels, str), return_inverse=True)
    if len(names) < 2:
        return []
    matrix = normalize(FeatureHasher(_BUCKETS, input_type="string", dtype=np.float32).transform(features))
    probabilities = out_of_fold_probabilities(matrix, targets, texts[np.array(rows)], seed, (unscaled,))
    doubtful = doubtful_labels(probabilities, targets)
    doubts: dict[int, Doubt] = {}
    for index in doubtful.order[: doubtful.total].tolist():
        other = int(doubtful.likely[index])
        if probabilities[index, other] < _MIN_PROBABILITY:
            continue
        ratio = float(probabilities[index, targets[index]] / probabilities[index, other])
        reason = (
            f"the word {words[index]!r:.40} is {_show(names[targets[index]])}, rather {_show(names[other])} "
            f"(probability {probabilities[index, other]:.2f})"
        )
        doubts.setdefault(rows[index], Doubt(rows[index], reason, ratio))
    return list(doubts.values())


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
