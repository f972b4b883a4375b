"""`textgraft explain`: the words that raise or lower the predictions of a model."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import progress_of_explanations
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.explanation.explanation import INTEGRATED_GRADIENTS, METHODS

if TYPE_CHECKING:
    from textgraft.data.input_rows import InputRows
    from textgraft.explanation.explaining import Explainer

# Texts of a file that are explained by default.
_LIMIT = 10


def explain(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    runtime: Annotated[o.RuntimeOptions, o.Group(defaults={"precision": "float32"})],
    data: Annotated[str, typer.Argument(help="Text, or source of texts; - for standard input.")] = "-",
    method: Annotated[
        str, typer.Option(help=f"Method: {', '.join(METHODS)}.", rich_help_panel="Model")
    ] = INTEGRATED_GRADIENTS,
    label: Annotated[
        str | None, typer.Option(help="Label to explain.  \\[what is predicted]", rich_help_panel="Data")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Number of texts to explain; 0 for all.", min=0, rich_help_panel="Data")
    ] = _LIMIT,
    nearest: Annotated[
        int,
        typer.Option(
            help="Number of the nearest training texts to show, where the folder keeps them (`train --keep-index`).",
            min=0,
            rich_help_panel="Output",
        ),
    ] = 0,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Measure whether scores depend on the named words, against random words.  \\[off]",
            rich_help_panel="Output",
        ),
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(help="File to write: .jsonl, one explanation per line.  \\[none]", rich_help_panel="Output"),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="File to write: .html, a page that needs no other file.  \\[none]", rich_help_panel="Output"),
    ] = None,
) -> None:
    """Show which words raise or lower a prediction.

    Texts are printed with coloured words unless a file is written or the method is checked.

    Examples:
        textgraft explain sentiment "Slow, but the ending is wonderful."

        textgraft explain sentiment reviews.csv --limit 100 --html explanations.html

        textgraft explain sentiment reviews.csv --limit 100 --check
    """
    from textgraft.cli.inputs import names_source, read_rows
    from textgraft.cli.output.explanation_files import HTML_ENDINGS, JSON_ENDINGS, open_explanation_files
    from textgraft.cli.output.files import require_output
    from textgraft.cli.window_answers import ENTITIES
    from textgraft.errors import counted
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    paths = [path for path in (json, html) if path]
    for path in paths:
        require_output(path, JSON_ENDINGS if path is json else HTML_ENDINGS, run.overwrite)
    rows = read_rows(stored, data, reading, sources.split, ()) if names_source(data) else None
    load_tensorflow(runtime)
    from textgraft.cli.output.explanation_text import print_explanation, print_faithfulness
    from textgraft.explanation.explaining import (
        explanations,
        incomplete_notice,
        is_incomplete,
        make_explainer,
        make_search,
    )
    from textgraft.explanation.faithfulness import FaithfulnessCheck
    from textgraft.tasks.loading import load

    model = load(stored, runtime.precision)
    explainer, search = make_explainer(model, method), make_search(model, nearest)
    measures = [FaithfulnessCheck(explainer)] if check else []
    items = _text_item(explainer, data) if rows is None else _items_of_rows(explainer, rows, limit)
    count = incomplete = 0
    title = f"Explanations of {stored.folder.resolve().name}"
    with (
        open_explanation_files(paths, run.overwrite, title) as files,
        progress_of_explanations(bool(files or measures)) as progress,
    ):
        for explanation in explanations(explainer, items, label, search, progress.start_text):
            for file in files:
                file.add(explanation)
            for measure in measures:
                measure.add(explanation)
            progress.advance()
            if not (files or measures):
                print_explanation(explanation)
            count, incomplete = count + 1, incomplete + is_incomplete(explanation)
    log(*(() if rows is None else rows.notices))
    if not count:
        reason = "no entity is predicted" if stored.config["task"] == ENTITIES else "there is no text"
        log(f"nothing is explained: {reason}")
    log(*filter(None, [incomplete_notice(incomplete, model.precision)]))
    log(*(f"wrote {counted(count, 'explanation')} to {path}" for path in paths))
    for measure in measures:
        print_faithfulness(measure.result(), method)


def _text_item(explainer: "Explainer", text: str) -> Iterable[Any]:
    """What is explained of a text that is an argument."""
    import numpy as np

    return explainer.items(np.array([text.encode()], object))


def _items_of_rows(explainer: "Explainer", rows: "InputRows", limit: int) -> Iterable[Any]:
    """What is explained of the first rows of a source; 0 for all."""
    return islice((item for batch in rows for item in explainer.items_of_rows(batch)), limit or None)
