"""The words on which the answers to a few texts depend, by occlusion; see `explanation.words`."""

from collections.abc import Sequence
from typing import NamedTuple

from textgraft.explanation.words import WordGroup, without_words, words_of
from textgraft.report.answers import AnswerTexts, as_input, scored_decision
from textgraft.report.selected_texts import SelectedText

_MAX_GROUPS = 32
_USUAL_GROUPS, _MIN_GROUPS = 12, 6


class WordEffects(NamedTuple):
    """The effects of the words of a text.

    Attributes:
        label: whose probability falls without them; empty for numbers.
        effects: groups of words, and by how much the score falls without each, in the order of the text.
    """

    label: str
    effects: tuple[tuple[WordGroup, float], ...]


def word_effects(texts: Sequence[SelectedText], answer: AnswerTexts, max_characters: int) -> dict[str, WordEffects]:
    """The effects in the first of some texts, by their location; the characters to predict on are limited.

    Longer texts are divided into fewer groups of words; those that would have less than six are omitted.
    """
    effects: dict[str, WordEffects] = {}
    mean = sum(len(part) for text in texts for part in text.parts) / max(1, len(texts))
    texts = texts[: int(max_characters / max(1, _USUAL_GROUPS * mean))]
    share = max_characters // max(1, len(texts))
    for text in texts:
        size = max(1, sum(map(len, text.parts)))
        groups = words_of(text.parts, max(len(text.parts), min(_MAX_GROUPS, share // size)))
        if share // size < _MIN_GROUPS or len(groups) < 2:
            continue
        changed = [without_words(text.parts, words) for words in groups]
        label, scores = scored_decision(answer([as_input(parts) for parts in (text.parts, *changed)]))
        differences = (scores[0] - scores[1:]).tolist()
        effects[text.location] = WordEffects(label, tuple(zip(groups, differences, strict=True)))
    return effects
