"""Figures in the style of the report, and their files: SVG in the colours of the page, and PNG.

The SVG of a figure is the same in every run: without a date, and with ids that depend on its name only. Its texts are
texts, in the font of the page. Colours are variables of the page's style, which differ in its dark form.
"""

import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from textgraft.report.html import Html, element, fragment
from textgraft.terminal.escaping import printable

# Of the light page, which are those of PNG files; the variables are defined in report.css.
INK, QUIET, LINE, HEAT, GROUND = "#1c2321", "#55605c", "#d9ddd8", "#2f8a69", "#ffffff"
ACCENT, SECOND = "#1f6f54", "#b4531a"
_VARIABLES = {INK: "text", QUIET: "quiet", LINE: "line", HEAT: "heat", GROUND: "card", ACCENT: "accent"}
CYCLE = (ACCENT, SECOND, "#3565a8", "#8a4f9e", "#8a6d00", "#a33b5c")
_VARIABLES |= {color: f"series-{index}" for index, color in enumerate(CYCLE[1:], start=2)}

_SIZE = (4.6, 3.1)  # inches, of 72 units in SVG: a phone's width
_DPI = 300
_FONT = 9.5
_MAX_LABEL = 24
_ISOLATE, _POP = "\u2068", "\u2069"  # of Unicode; labels have none, since they are escaped
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": _FONT,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],  # which Matplotlib brings
    "font.size": _FONT,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.edgecolor": LINE,
    "legend.fontsize": _FONT - 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "path.simplify": True,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}
# What has no place in a page: declarations, metadata, and ids of groups, to which nothing refers.
_PROLOG = re.compile(r"^.*?(?=<svg )|<(metadata|style)\b.*?</\1>|\s*<!--.*?-->", re.DOTALL)
_ISOLATES = re.compile(f"{_ISOLATE}(.*?){_POP}")
_TAG = re.compile(r"<[^<>]*>")
_GROUP_ID = re.compile(r'^<g id="[^"]*"')
_SIZE_ATTRIBUTES = re.compile(r' (?:width|height)="[\d.]+pt"')
_REFERENCE = re.compile(r'( id="|href="#|url\(#)(?=[\w.-])')
_FONT_NAME = re.compile(r" font-family: [^;\"]+;")

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of caches that it cannot write, and of fonts


@dataclass(frozen=True)
class Chart:
    """A drawn figure.

    Attributes:
        name: of its PNG file, and in the ids of its SVG; of letters and hyphens.
        title: a noun phrase.
        description: the figure in words and numbers, for those who do not see it.
        figure: as Matplotlib drew it.
    """

    name: str
    title: str
    description: str
    figure: Figure

    def svg(self) -> Html:
        """An element for a page; its colours and font are those of the page."""
        file = io.StringIO()
        with _quietly({"svg.hashsalt": self.name}):
            self.figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
        text = _TAG.sub(lambda tag: self._restyled(tag[0]), _PROLOG.sub("", file.getvalue()))
        ids = f"{self.name}-title {self.name}-description"
        head, body = text.split(">", 1)
        head = _SIZE_ATTRIBUTES.sub("", head)
        alternative = fragment(
            element("title", self.title, id=f"{self.name}-title"),
            element("desc", _ISOLATES.sub(r"\1", self.description), id=f"{self.name}-description"),
        )
        return Html(f'{head} role="img" aria-labelledby="{ids}">{alternative}{body.strip()}')

    def _restyled(self, tag: str) -> str:
        """A tag with the colours and the font of the page, and ids that no other figure has."""
        tag = _FONT_NAME.sub("", _GROUP_ID.sub("<g", tag))
        tag = _REFERENCE.sub(rf"\1{self.name}-", tag)
        for color, variable in _VARIABLES.items():
            tag = tag.replace(color, f"var(--{variable})")
        return tag

    def png(self) -> bytes:
        """The content of a PNG file, on white."""
        file = io.BytesIO()
        with _quietly({}):
            self.figure.savefig(file, format="png", dpi=_DPI, facecolor=GROUND, metadata={"Software": None})
        return file.getvalue()


def new_figure(x_label: str, y_label: str, height: float = _SIZE[1]) -> tuple[Figure, Axes]:
    """An empty figure of a phone's width with one pair of axes; `height` is in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_SIZE[0], height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_prop_cycle(color=CYCLE)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.tick_params(length=0)
    return figure, axes


def as_percent(axes: Axes, x: bool = False, y: bool = False) -> None:
    """Ticks of shares as percentages, from 0 to 1."""
    ticks = [0, 0.25, 0.5, 0.75, 1]
    names = ["0 %", "25 %", "50 %", "75 %", "100 %"]
    if x:
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks(ticks, names)
    if y:
        axes.set_ylim(-0.02, 1.04)
        axes.set_yticks(ticks, names)


def zoom_percent(axis: Axis) -> None:
    """Ticks of shares as percentages, within the limits of the axis."""
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{round(100 * value, 3):g} %")


def add_legend(axes: Axes, location: str = "best", **options: Any) -> None:
    """A legend in the style of the report; `location` and `options` are Matplotlib's."""
    with mpl.rc_context(_STYLE):
        axes.legend(loc=location, **options)


def tick_name(label: str, limit: int = _MAX_LABEL) -> str:
    """A label for a picture: control characters escaped, and without its end where it is too long."""
    shown = printable(label[: limit + 1], 10 * limit)
    return f"{shown[: limit - 1]}…" if len(shown) > limit else shown or "(empty)"


def isolated(label: str) -> str:
    """A label in a description, whose direction does not change that of the words around it; see `caption_of`."""
    return f"{_ISOLATE}{tick_name(label)}{_POP}"


def caption_of(description: str) -> Html:
    """A description as markup: isolated labels are elements."""
    return fragment(
        [element("bdi", part) if index % 2 else part for index, part in enumerate(_ISOLATES.split(description))]
    )


def ranged_points(
    names: Sequence[str],
    values: np.ndarray,
    intervals: np.ndarray,
    label: str,
    is_share: bool,
    reference: float | None = None,
) -> Figure:
    """A point with an interval for each name, one below another.

    Args:
        names: of the rows, from the top down.
        values: float (n,).
        intervals: float (n, 2).
        label: of the values.
        is_share: whether the axis is that of shares.
        reference: a value that a line marks.
    """
    figure, axes = new_figure(label, "", height=max(1.5, 0.85 + 0.26 * len(names)))
    rows = np.arange(len(names))
    if reference is not None:
        axes.axvline(reference, color=QUIET, linestyle="--", linewidth=1.2)
    bounds = np.abs(intervals.T - values)
    axes.errorbar(values, rows, xerr=bounds, fmt="o", color=ACCENT, elinewidth=1.4, capsize=2.5)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    if is_share:
        low = min(0.9, float(intervals.min()))
        axes.set_xlim(max(-0.02, low - 0.05), 1.02)
        zoom_percent(axes.xaxis)
    return figure


@contextmanager
def _quietly(options: Mapping[str, str]) -> Iterator[None]:
    """The style, without warnings of characters that Matplotlib's font lacks; the page's font has them."""
    with mpl.rc_context({**_STYLE, **options}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield
