"""Explanations on a terminal: texts with coloured words, and lists of the words that matter most."""

from collections.abc import Sequence

from rich.text import Text

from textgraft.cli.output.console import print_line, print_table
from textgraft.cli.output.log import log
from textgraft.data.labels import show_label
from textgraft.errors import counted
from textgraft.explanation.explanation import Explanation, WordAttribution
from textgraft.explanation.faithfulness import Contrast, Faithfulness
from textgraft.explanation.words import ZERO_WIDTH_SPACE
from textgraft.terminal.console import console
from textgraft.terminal.escaping import MAX_TEXT, MAX_VALUE, printable

_WIDTH = 80
_MAX_LISTED = 8  # words of each sign
_MAX_WORDS = 400  # of a text that are shown
_LABEL_CHARACTERS = 24
_WORD_CHARACTERS = 30  # of a word in a list
_MIN_EXPLANATIONS = 10  # of a verdict on their faithfulness

# Shares of the largest attribution from which a word is coloured, and those of strong colour.
_COLOURED, _STRONG = 0.15, 0.5
_RAISES, _LOWERS = "green", "red"


def print_explanation(explanation: Explanation) -> None:
    """Print an explanation to standard output, in at most 80 columns."""
    output = console()
    output.width = min(output.width, _WIDTH)
    output.print(Text(printable(describe_prediction(explanation), MAX_VALUE), "bold"))
    for part in range(len(explanation.parts)):
        output.print(_coloured(explanation, part))
    for name, words, style in zip(
        ("raised by", "lowered by"), strongest(explanation.words), (_RAISES, _LOWERS), strict=True
    ):
        if words:
            items = (f"{printable(word.text, _WORD_CHARACTERS)} {word.attribution:+.2f}" for word in words)
            output.print(Text().append(f"{name} ", f"bold {style}").append(", ".join(items)))
    for neighbour in explanation.nearest:
        head = f"{neighbour.similarity:.2f} {printable(neighbour.label, _LABEL_CHARACTERS)}: "
        parts = [neighbour.text] if isinstance(neighbour.text, str) else neighbour.text
        line = Text().append(head, "bold").append(printable(" | ".join(parts), MAX_VALUE))
        line.truncate(output.width, overflow="ellipsis")
        output.print(line)
    if explanation.truncated:
        output.print(Text("truncated: the model gets only a part of the text", "dim"))
    output.print()


def describe_prediction(explanation: Explanation) -> str:
    """The prediction, and the sum that explains it, in one line."""
    subject = "number" if explanation.label is None else show_label(explanation.label)
    if explanation.span:
        start, end = explanation.span
        subject = f"{show_label(explanation.parts[0][start:end])} {subject}"
    head = f"{explanation.row + 1}: {subject} {explanation.score:.3f}"
    if explanation.baseline is None or explanation.completeness_error is None:
        return head
    difference = explanation.value - explanation.baseline
    parts = f"value {explanation.value:.2f} = baseline {explanation.baseline:.2f} {difference:+.2f} by words"
    return f"{head} ({parts}; error {100 * explanation.completeness_error:.1f} %)"


def print_faithfulness(result: Faithfulness | None, method: str) -> None:
    """Print the result of a check, and what it means in one sentence."""
    if result is None:
        log("no explanation has two words, so none is checked")
        return
    rows = [
        (name, *(f"{value:.3f}" for value in (contrast.explanations, contrast.random)), _interval(contrast))
        for name, contrast in (
            ("comprehensiveness", result.comprehensiveness), ("sufficiency", result.sufficiency),
        )
    ]  # fmt: skip
    title = f"{method}: fall of the score ({counted(result.texts, 'explanation')})"
    print_table(("measure", "explanations", "random words", "difference (95 % interval)"), rows, title, _WIDTH)
    print_line(_verdict(result))
    if result.completeness_errors:
        median, largest = (f"{100 * error:.1f} %" for error in result.completeness_errors)
        print_line(f"completeness error: median {median}, largest {largest}")


def _verdict(result: Faithfulness) -> str:
    if result.texts < _MIN_EXPLANATIONS:
        return f"no verdict: bootstrap intervals of less than {_MIN_EXPLANATIONS} explanations are too narrow"
    low, high = result.comprehensiveness.interval[0], result.sufficiency.interval[1]
    return "faithful: both intervals exclude 0" if low > 0 > high else "not shown to be better than random words"


def _interval(contrast: Contrast) -> str:
    low, high = contrast.interval
    return f"{contrast.difference:+.3f} ({low:+.3f} to {high:+.3f})"


def strongest(words: Sequence[WordAttribution]) -> tuple[list[WordAttribution], list[WordAttribution]]:
    """The words that raise the value, and those that lower it, the strongest first; weak ones are omitted."""
    limit = _COLOURED * max((abs(word.attribution) for word in words), default=0)
    ordered = sorted(words, key=lambda word: -abs(word.attribution))
    strong = [word for word in ordered if abs(word.attribution) >= limit and word.attribution]
    raising = [word for word in strong if word.attribution > 0]
    lowering = [word for word in strong if word.attribution < 0]
    return raising[:_MAX_LISTED], lowering[:_MAX_LISTED]


def _coloured(explanation: Explanation, part: int) -> Text:
    """One of the texts, with the words that raise the value in one colour and those that lower it in another."""
    source, line, end = explanation.parts[part], Text(), 0
    words = [word for word in explanation.words if word.part == part]
    largest = max((abs(word.attribution) for word in explanation.words), default=0)
    for word in words[:_MAX_WORDS]:
        line.append(_spaces(source[end : word.start]))
        line.append(printable(word.text, MAX_VALUE), _style(word.attribution / largest if largest else 0))
        end = word.end
    rest = source[end:].strip()
    return line.append(f" {printable(rest, MAX_VALUE)}") if rest else line


def _style(share: float) -> str:
    if abs(share) < _COLOURED:
        return ""
    colour = _RAISES if share > 0 else _LOWERS
    return f"bold {colour} underline" if abs(share) >= _STRONG else colour


def _spaces(between: str) -> str:
    between = between.replace(ZERO_WIDTH_SPACE, "")
    return " " if between.isspace() else printable(between, MAX_TEXT)
