"""Scripts of texts by label, and tokens that are unknown to a preset."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache

from textgraft.data.labels import show_label
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import NOTE, WARNING, Finding, rows_of

_LATIN = "LATIN"
_LETTERS = 1000  # of a text, by which its script is counted
_MIN_TEXTS = 20  # of a label whose scripts are compared
_DIFFERENCE = 0.5  # between the share of a script in a label and in all texts
_MAX_UNKNOWN = 0.1  # share of unknown tokens, from which on a preset hardly knows a language


class Scripts(Check):
    """Scripts, and unknown tokens where a preset is named."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        scripts = [script_of(text.decode()) for batch in data.train.batches() for text in batch.joined]
        counts = Counter(scripts)
        usual = counts.most_common(1)[0][0]
        for script, count in counts.most_common()[1:]:
            rows = (row for row, other in enumerate(scripts) if other == script)
            yield Finding(
                "script",
                NOTE,
                count,
                f"{data.train.source}: {count:,} of {len(scripts):,} texts are {_describe(script)}, most are "
                f"{_describe(usual)}",
                "choose a preset that knows both, or remove them",
                rows_of(data.train, TRAIN, rows),
            )
        yield from _by_label(data, scripts, counts)
        yield from _unknown(data)


def script_of(text: str) -> str:
    """The script of most letters by its name in Unicode, such as LATIN; empty for a text without letters."""
    if text.isascii():
        return _LATIN if any(map(str.isalpha, text)) else ""
    counts = Counter(_script(letter) for letter in filter(str.isalpha, text[:_LETTERS]))
    return counts.most_common(1)[0][0] if counts else ""


@lru_cache(maxsize=1 << 14)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]


def _describe(script: str) -> str:
    return f"in {script.title()} script" if script else "without letters"


def _by_label(data: CheckedData, scripts: list[str], counts: Mapping[str, int]) -> Iterator[Finding]:
    """Labels whose texts are in other scripts than all texts."""
    if not data.has_categories or len(counts) < 2:
        return
    usual_script = max(counts, key=counts.__getitem__)
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for script, label in zip(scripts, data.train.require_labels(), strict=True):
        labels[label][script] += 1
    for label, of_label in labels.items():
        script, count = of_label.most_common(1)[0]
        share, usual = count / of_label.total(), counts[script] / len(scripts)
        is_large = of_label.total() >= _MIN_TEXTS and share - usual >= _DIFFERENCE
        if script != usual_script and is_large:
            yield Finding(
                "script of a label",
                WARNING,
                count,
                f"{data.train.source}: {share:.0%} of the texts of the label {show_label(label)} are "
                f"{_describe(script)}, of all texts {usual:.0%}",
                "a model may learn the script in place of the content; add texts of the label in other scripts",
            )


def _unknown(data: CheckedData) -> Iterator[Finding]:
    if data.tokenizer is None:
        return
    facts = data.label_facts
    for name, fact in {"": facts.all_texts, **facts.by_label}.items():
        if fact.unknown is not None and fact.unknown > _MAX_UNKNOWN:
            of_label = f" of the label {show_label(name)}" if name else ""
            yield Finding(
                "unknown tokens",
                WARNING,
                fact.texts,
                f"{data.train.source}: {fact.unknown:.0%} of the tokens of texts{of_label} are unknown to "
                f"{data.tokenizer.preset}",
                "choose a preset that knows the language; see textgraft presets",
            )
