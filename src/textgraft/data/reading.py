"""Options for reading labelled texts; importing this file does not import numpy or pyarrow."""

from dataclasses import dataclass

from textgraft.data.columns import MULTI, PROBLEMS
from textgraft.errors import ConfigError
from textgraft.options import check_options, option


@dataclass(frozen=True)
class Reading:
    """Options for reading a source: the arguments of `load_dataset`, and options that tasks set.

    Attributes:
        categories: whether labels are categories; if not, they are kept on disk as they are.
        paired: whether second texts are required (True), ignored (False) or optional (None).
    """

    text: str | None = option(None, "Column of the texts.", panel="Data", shown_default="inferred")
    label: str | None = option(None, "Column of the labels.", panel="Data", shown_default="inferred")
    pair: str | None = option(None, "Column of the second texts, for pairs.", panel="Data", shown_default="inferred")
    encoding: str = option("utf-8", "Encoding of text files.", panel="Data")
    empty: str | None = option(
        None,
        "Treatment of empty texts: error, drop or keep.",
        panel="Data",
        shown_default="error for labelled texts",
        choices=("error", "drop", "keep"),
    )
    format: str | None = option(
        None,
        "File format: csv, tsv, jsonl, parquet, lines, conll, ...",
        panel="Data",
        shown_default="inferred",
    )
    problem: str | None = option(
        None,
        "Kind of label: single-label, multi-label or regression.",
        panel="Data",
        shown_default="multi-label for lists, else single-label",
        choices=PROBLEMS,
    )
    label_separator: str | None = option(None, "Separator of the labels in a cell, such as '|'.", panel="Data")
    categories: bool = True
    paired: bool | None = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.label_separator is not None and (self.problem not in (None, MULTI) or not self.label_separator):
            raise ConfigError("label_separator separates several labels; it needs problem multi-label")
