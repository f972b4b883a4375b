"""Faults planted in labelled spans: another label, no span, or a span without its first or last word."""

from collections.abc import Sequence

import numpy as np

import textgraft as tg
from textgraft.data.tags import Span

RELABELLED, DROPPED, SHORTENED = FAULTS = ("relabelled", "dropped", "shortened")


def plant(data: tg.TaggedDataset, fault: str, share: float, seed: int) -> tuple[tg.TaggedDataset, np.ndarray]:
    """A copy of texts of words with faults, and the rows that have one.

    Args:
        data: texts whose words are given.
        fault: one of `FAULTS`; spans of one word are not shortened.
        share: of all spans, which get a fault.
        seed: of their choice.
    """
    generator, rows = np.random.default_rng(seed), list(data)
    spans = [(row, span) for row, tagged in enumerate(rows) for span in tagged.spans]
    counts = [sum(span.start <= start < span.end for start, _ in rows[row].words or ()) for row, span in spans]
    candidates = np.flatnonzero(np.array(counts) > (fault == SHORTENED))
    changes: dict[int, dict[Span, Span | None]] = {}
    for index in generator.permutation(candidates)[: round(share * len(spans))].tolist():
        row, span = spans[index]
        bounds = [bound for bound in rows[row].words or () if span.start <= bound[0] < span.end]
        changes.setdefault(row, {})[span] = _changed(span, fault, bounds, data.label_names, generator)
    tags = []
    for row, tagged in enumerate(rows):
        changed = [changes.get(row, {}).get(span, span) for span in tagged.spans]
        tags.append(_tags(tagged.words or [], [span for span in changed if span]))
    words = [[tagged.text[start:end] for start, end in tagged.words or ()] for tagged in rows]
    return tg.TaggedDataset.from_lists(words, tags), np.array(sorted(changes))


def _changed(
    span: Span, fault: str, words: Sequence[tuple[int, int]], labels: Sequence[str], generator: np.random.Generator
) -> Span | None:
    if fault == RELABELLED:
        return span._replace(label=str(generator.choice([label for label in labels if label != span.label])))
    if fault == DROPPED:
        return None
    return span._replace(start=words[1][0]) if generator.random() < 0.5 else span._replace(end=words[-2][1])


def _tags(words: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    """The tags of words, IOB2."""
    tags = ["O"] * len(words)
    for span in spans:
        inside = [index for index, (start, _) in enumerate(words) if span.start <= start < span.end]
        for index in inside:
            tags[index] = f"{'B' if index == inside[0] else 'I'}-{span.label}"
    return tags
