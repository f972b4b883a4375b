"""Files of explanations: JSON lines, and a page of HTML that needs no other file."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from textgraft.cli.output.files import open_output
from textgraft.data.label_types import label_name
from textgraft.errors import counted
from textgraft.explanation.explanation import Explanation, WordAttribution
from textgraft.explanation.words import ZERO_WIDTH_SPACE
from textgraft.report.html import Html, details, element, fragment, shown_name

# No script, and no request.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STEPS = 4  # of colour
_STYLE = Path(__file__).with_name("explanations.css")


class ExplanationFile(Protocol):
    """A growing file of explanations."""

    def add(self, explanation: Explanation) -> None:
        """Append an explanation."""

    def close(self) -> None:
        """Finish the file."""


class _JsonLines:
    def __init__(self, file: BinaryIO, title: str) -> None:
        self._file = file

    def add(self, explanation: Explanation) -> None:
        line = json.dumps(explanation.to_json(), ensure_ascii=False, allow_nan=False)
        self._file.write(f"{line}\n".encode())

    def close(self) -> None:
        """Nothing is left to write."""


class _Page:
    """One article for each explanation; a word that lowers the value has a dashed line, so colour is not needed."""

    def __init__(self, file: BinaryIO, title: str) -> None:
        self._file = file
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            element("style", Html(_STYLE.read_text(encoding="utf-8"))),
        )
        legend = element(
            "p",
            "The explained value is ",
            element("mark", "raised", class_="up s3"),
            " by words with a solid line and ",
            element("mark", "lowered", class_="down s3"),
            " by those with a dashed line; the stronger the colour, the larger the part. The parts of all words are in "
            "the table below each text.",
            class_="legend",
        )
        self._write(f'<!DOCTYPE html>\n<html lang="en">{head}<body><main>{element("h1", title)}{legend}\n')

    def add(self, explanation: Explanation) -> None:
        largest = max((abs(word.attribution) for word in explanation.words), default=0)
        label = "number" if explanation.label is None else label_name(explanation.label)
        entity = None
        if explanation.span:
            start, end = explanation.span
            entity = fragment(shown_name(explanation.parts[0][start:end]), ": ")
        row = element("span", explanation.row + 1, class_="row")
        heading = element("h2", row, " ", entity, shown_name(label), f" {explanation.score:.3f}")
        texts = [
            element("p", _marked(explanation, part, largest), class_="text", dir="auto")
            for part in range(len(explanation.parts))
        ]
        facts = element("p", "; ".join(_facts(explanation)), class_="facts")
        lists = _word_table(explanation), _nearest(explanation)
        self._write(element("article", heading, texts, facts, *lists) + "\n")

    def close(self) -> None:
        """Close the elements that are open."""
        self._write("</main></body></html>\n")

    def _write(self, markup: str) -> None:
        self._file.write(markup.encode())


JSON_ENDINGS, HTML_ENDINGS = (".jsonl",), (".html", ".htm")
_FILES: Mapping[str, Callable[[BinaryIO, str], ExplanationFile]] = {
    **dict.fromkeys(JSON_ENDINGS, _JsonLines), **dict.fromkeys(HTML_ENDINGS, _Page)
}  # fmt: skip


@contextmanager
def open_explanation_files(paths: Sequence[Path], overwrite: bool, title: str) -> Iterator[list[ExplanationFile]]:
    """New files, which take their names when they are complete; the title is that of pages."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_output(path, _FILES, overwrite, title)) for path in paths]


def _marked(explanation: Explanation, part: int, largest: float) -> list[object]:
    """One of the texts with its words marked; line breaks stay, and other white space is a space."""
    source, pieces, end = explanation.parts[part], list[object](), 0
    for word in explanation.words:
        if word.part == part:
            pieces += [_between(source[end : word.start]), _mark(word, largest)]
            end = word.end
    return [*pieces, _between(source[end:])]


def _between(text: str) -> str:
    text = text.replace(ZERO_WIDTH_SPACE, "")
    return Html("\n" if "\n" in text else " ") if text.isspace() else text


def _mark(word: WordAttribution, largest: float) -> Html:
    share = abs(word.attribution) / largest if largest else 0
    step = min(_STEPS - 1, int(share * _STEPS))
    title = f"{word.attribution:+.3f}"
    if not step:
        return element("span", word.text, title=title)
    return element("mark", word.text, class_=f"{'up' if word.attribution > 0 else 'down'} s{step}", title=title)


def _facts(explanation: Explanation) -> Iterator[str]:
    yield explanation.method.replace("_", " ")
    yield f"value {explanation.value:.3f}"
    if explanation.baseline is not None:
        yield f"baseline {explanation.baseline:.3f}"
    if explanation.completeness_error is not None:
        yield f"completeness error {100 * explanation.completeness_error:.1f} %"
    if explanation.truncated:
        yield "truncated: the model gets only a part of the text"


def _word_table(explanation: Explanation) -> Html:
    ordered = sorted(explanation.words, key=lambda word: -abs(word.attribution))
    rows = [
        element("tr", element("th", shown_name(word.text), scope="row"), element("td", f"{word.attribution:+.3f}"))
        for word in ordered
    ]
    head = element("tr", element("th", "Word", scope="col"), element("th", "Part", scope="col"))
    content = element("table", element("thead", head), element("tbody", rows))
    return details(counted(len(ordered), "word"), content)


def _nearest(explanation: Explanation) -> Html | None:
    if not explanation.nearest:
        return None
    items = []
    for neighbour in explanation.nearest:
        parts = (neighbour.text,) if isinstance(neighbour.text, str) else neighbour.text
        label = shown_name(neighbour.label) if neighbour.label else None
        texts = [element("p", part, dir="auto") for part in parts]
        items.append(element("li", element("p", label, f" {neighbour.similarity:.2f}", class_="facts"), texts))
    return details("nearest training texts", element("ol", items))
