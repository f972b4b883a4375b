"""TextFacts about the texts of each label: how many, how long, how many truncated and how many unknown tokens."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.labels import REGRESSION
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.label_cells import label_sets
from textgraft.data_checks.preset_tokens import PresetTokens
from textgraft.data_checks.text_words import split_text_words


@dataclass(frozen=True)
class TextFacts:
    """TextFacts about some texts.

    Attributes:
        texts: their number.
        median_words: median of their words.
        longest: words of the longest one.
        truncated: share of those with more tokens than the preset takes; None without a preset.
        unknown: share of tokens that the preset does not know; None without a preset.
    """

    texts: int
    median_words: float
    longest: int
    truncated: float | None = None
    unknown: float | None = None


@dataclass(frozen=True)
class LabelFacts:
    """TextFacts about all training texts, and by label.

    Attributes:
        all_texts: facts about all.
        by_label: facts about those of each label, empty where labels are numbers or absent.
        words: number of words of each text, int64 (n,).
        tokens: number of tokens of each text; empty without a preset.
        truncated_rows: indices of truncated texts.
    """

    all_texts: TextFacts
    by_label: Mapping[str, TextFacts]
    words: np.ndarray
    tokens: np.ndarray
    truncated_rows: np.ndarray


def label_facts(data: Dataset, tokenizer: PresetTokens | None) -> LabelFacts:
    """Count the words, and with a preset the tokens, of all texts."""
    words, tokens, unknown = [], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for batch in data.batches():
        words += [len(split_text_words(text.decode())) for text in batch.joined]
        if tokenizer is not None:
            counts = tokenizer.count(batch.inputs)
            tokens.append(counts.tokens)
            unknown.append(counts.unknown)
    counted = _Counts(np.array(words, np.int64), np.concatenate(tokens), np.concatenate(unknown))
    limit = None if tokenizer is None else tokenizer.limit
    rows = {label: counted.facts(np.array(indices), limit) for label, indices in _rows_by_label(data).items()}
    truncated = np.flatnonzero(counted.tokens > limit) if limit else np.empty(0, np.int64)
    every = counted.facts(np.arange(len(words)), limit)
    return LabelFacts(every, rows, counted.words, counted.tokens, truncated)


@dataclass(frozen=True)
class _Counts:
    words: np.ndarray
    tokens: np.ndarray
    unknown: np.ndarray

    def facts(self, rows: np.ndarray, limit: int | None) -> TextFacts:
        words = self.words[rows]
        facts = TextFacts(len(rows), float(np.median(words)), int(words.max()))
        if not len(self.tokens):
            return facts
        tokens = self.tokens[rows]
        truncated = float((tokens > limit).mean()) if limit else 0.0
        unknown = float(self.unknown[rows].sum() / max(1, tokens.sum()))
        return TextFacts(facts.texts, facts.median_words, facts.longest, truncated, unknown)


def _rows_by_label(data: Dataset) -> Mapping[str, list[int]]:
    """The rows that have each label, sorted by label; of spans, those that have one of it."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, names in enumerate(_labels(data)):
        for name in names:
            rows[name].append(row)
    return dict(sorted(rows.items()))


def _labels(data: Dataset) -> Iterator[frozenset[str]]:
    if isinstance(data, TaggedDataset):
        return (frozenset(label for _, label in spans) for spans in label_sets(data))
    return iter(()) if data.problem == REGRESSION else label_sets(data)
