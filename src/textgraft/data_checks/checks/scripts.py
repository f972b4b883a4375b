"""Scripts of texts by label, and tokens that are unknown to a preset."""

from collections import Counter
from collections.abc import Iterator

from textgraft.data.labels import show_label
from textgraft.data.text_scripts import NO_LETTERS, main_script
from textgraft.data_checks.by_label import revealed_labels
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import NOTE, WARNING, Finding, rows_of

_MAX_UNKNOWN = 0.1  # share of unknown tokens, from which on a preset hardly knows a language


class Scripts(Check):
    """Scripts, and unknown tokens where a preset is named."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        scripts = [main_script(text.decode()) for batch in data.train.batches() for text in batch.joined]
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
        for revealed in revealed_labels(data, range(len(scripts)), scripts):
            yield Finding(
                "script of a label",
                WARNING,
                revealed.texts,
                f"{data.train.source}: {revealed.share:.0%} of the texts of the label {show_label(revealed.label)} are "
                f"{_describe(revealed.value)}, of all texts {revealed.usual:.0%}",
                "a model may learn the script in place of the content; add texts of the label in other scripts",
            )
        yield from _unknown(data)


def _describe(script: str) -> str:
    return "without letters" if script == NO_LETTERS else f"in {script} script"


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
