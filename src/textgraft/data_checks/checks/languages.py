"""Languages of texts by label, where a package that tells them is installed."""

from collections import Counter
from collections.abc import Iterator

from textgraft.data.labels import show_label
from textgraft.data.text_languages import UNDETERMINED, detect_languages, without_rare_languages
from textgraft.data_checks.by_label import revealed_labels
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import NOTE, WARNING, Finding, rows_of
from textgraft.data_checks.words import drawn_rows

_MAX_TEXTS = 10_000


class Languages(Check):
    """Languages other than that of most texts, and labels whose texts are in another one."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        rows = drawn_rows(data.train, data.seed, _MAX_TEXTS)
        sample = data.train.take(rows)
        detected = detect_languages(text.decode() for batch in sample.batches() for text in batch.joined)
        if detected is None:
            return
        languages = without_rare_languages(detected)
        counts = Counter(language for language in languages if language != UNDETERMINED)
        for language, count in counts.most_common()[1:]:
            usual = counts.most_common(1)[0][0]
            in_language = (row for row, other in zip(rows, languages, strict=True) if other == language)
            of_sample = "" if len(rows) == len(data.train) else f", drawn from {len(data.train):,}"
            yield Finding(
                "language",
                NOTE,
                count,
                f"{data.train.source}: {count:,} of {len(rows):,} texts{of_sample} are in {language}, most are in "
                f"{usual}",
                "choose a preset that knows both, or remove them",
                rows_of(data.train, TRAIN, in_language),
            )
        for revealed in revealed_labels(data, rows, languages):
            if revealed.value != UNDETERMINED:
                yield Finding(
                    "language of a label",
                    WARNING,
                    revealed.texts,
                    f"{data.train.source}: {revealed.share:.0%} of the texts of the label {show_label(revealed.label)} "
                    f"are in {revealed.value}, of all texts {revealed.usual:.0%}",
                    "a model may learn the language in place of the content; add texts of the label in others",
                )
