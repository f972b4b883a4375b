"""Files of explanations: JSON lines, and a page of HTML that needs no other file."""

import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from textgraft.data.label_types import label_name
from textgraft.explanation.explanation import Explanation, WordAttribution

_STYLE = Path(__file__).with_name("explanations.css")


class ExplanationFile(Protocol):
    """A growing file of explanations."""

    def write(self, explanation: Explanation) -> None:
        """Append an explanation."""

    def close(self) -> None:
        """Finish the file."""


class _JsonLines:
    def __init__(self, file: BinaryIO, title: str) -> None:
        self._file = file

    def write(self, explanation: Explanation) -> None:
        line = json.dumps(explanation.to_json(), ensure_ascii=False, allow_nan=False)
        self._file.write(f"{line}\n".encode())

    def close(self) -> None:
        """Nothing is left to write."""


class _Page:
    """One article for each explanation; a word that lowers the value has a dashed line, so colour is not needed."""

    def __init__(self, file: BinaryIO, title: str) -> None:
        self._file = file
        style = _STYLE.read_text(encoding="utf-8")
        self._write(
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{_escaped(title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{_escaped(title)}</h1>\n"
            '<p class="legend"><mark class="up s3">solid line</mark> raises the explained value, '
            '<mark class="down s3">dashed line</mark> lowers it; the stronger the colour, the larger the part. '
            "The number of a word is shown when the pointer rests on it, and in the table below each text.</p>\n"
        )

    def write(self, explanation: Explanation) -> None:
        largest = max((abs(word.attribution) for word in explanation.words), default=0)
        texts = "".join(
            f'<p class="text" dir="auto">{self._marked(explanation, part, largest)}</p>\n'
            for part in range(len(explanation.parts))
        )
        label = "number" if explanation.label is None else label_name(explanation.label)
        if explanation.span:
            start, end = explanation.span
            label = f"{explanation.parts[0][start:end]}: {label}"
        self._write(
            f'<article>\n<h2><span class="row">{explanation.row + 1}</span> {_escaped(label)} '
            f"<span>{explanation.score:.3f}</span></h2>\n{texts}{_facts(explanation)}{_table(explanation)}</article>\n"
        )

    def close(self) -> None:
        """Close the elements that are open."""
        self._write("</main>\n</body>\n</html>\n")

    def _marked(self, explanation: Explanation, part: int, largest: float) -> str:
        source, pieces, end = explanation.parts[part], [], 0
        for word in explanation.words:
            if word.part == part:
                pieces += [_escaped(source[end : word.start]), _mark(word, largest)]
                end = word.end
        return "".join([*pieces, _escaped(source[end:])])

    def _write(self, text: str) -> None:
        self._file.write(text.encode("utf-8", "replace"))


EXPLANATION_FILES: Mapping[str, Callable[[BinaryIO, str], Any]] = {
    ".jsonl": _JsonLines, ".json": _JsonLines, ".html": _Page, ".htm": _Page,
}  # fmt: skip
JSON_ENDINGS, HTML_ENDINGS = (".jsonl", ".json"), (".html", ".htm")

_STEPS = 4  # of colour


def _mark(word: WordAttribution, largest: float) -> str:
    share = abs(word.attribution) / largest if largest else 0
    step = min(_STEPS - 1, int(share * _STEPS))
    text = _escaped(word.text)
    if not step:
        return f'<span title="{word.attribution:+.3f}">{text}</span>'
    kind = "up" if word.attribution > 0 else "down"
    return f'<mark class="{kind} s{step}" title="{word.attribution:+.3f}">{text}</mark>'


def _facts(explanation: Explanation) -> str:
    facts = [explanation.method.replace("_", " "), f"value {explanation.value:.3f}"]
    if explanation.baseline is not None:
        facts.append(f"baseline {explanation.baseline:.3f}")
    if explanation.completeness_error is not None:
        facts.append(f"completeness error {100 * explanation.completeness_error:.1f} %")
    if explanation.truncated:
        facts.append("truncated: the model gets only a part of the text")
    return f'<p class="facts">{"; ".join(facts)}</p>\n'


def _table(explanation: Explanation) -> str:
    ordered = sorted(explanation.words, key=lambda word: -abs(word.attribution))
    rows = "".join(
        f'<tr><td dir="auto">{_escaped(word.text)}</td><td>{word.attribution:+.3f}</td></tr>\n' for word in ordered
    )
    return (
        f"<details><summary>{len(ordered):,} words</summary>\n<table><thead><tr><th>Word</th><th>Part</th></tr></thead>"
        f"<tbody>\n{rows}</tbody></table></details>\n"
    )


def _escaped(text: str) -> str:
    """The text as content or an attribute of HTML; control characters, which HTML does not allow, are replaced."""
    allowed = "".join(
        character if character in "\t\n" or character.isprintable() or character == " " else _replaced(character)
        for character in text
    )
    return html.escape(allowed)


def _replaced(character: str) -> str:
    """Spaces and format characters stay, except for controls of direction, which could disguise a text."""
    return character if character.isspace() and ord(character) > 0x9F else "\ufffd"
