"""`textgraft explain`: the words that raise or lower the predictions of a model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.explanation.explanation import INTEGRATED_GRADIENTS, METHODS

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

    The text is printed with coloured words unless a file is written.

    Examples:
        textgraft explain sentiment "Slow, but the ending is wonderful."

        textgraft explain sentiment reviews.csv --limit 100 --html explanations.html
    """
    from contextlib import ExitStack
    from itertools import islice

    import numpy as np

    from textgraft.cli.inputs import names_source, read_rows
    from textgraft.cli.output.explanation_files import EXPLANATION_FILES, HTML_ENDINGS, JSON_ENDINGS
    from textgraft.cli.output.files import open_output, require_output
    from textgraft.errors import counted
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    outputs = [(path, endings) for path, endings in ((json, JSON_ENDINGS), (html, HTML_ENDINGS)) if path]
    for path, endings in outputs:
        require_output(path, endings, run.overwrite)
    rows = read_rows(stored, data, reading, sources.split, ()) if names_source(data) else None
    load_tensorflow(runtime)
    from textgraft.cli.output.explanation_text import print_explanation
    from textgraft.explanation.explaining import explanations, make_explainer
    from textgraft.tasks.loading import load

    model = load(stored, runtime.precision)
    explainer = make_explainer(model, method)
    if rows is None:
        items: Any = explainer.items(np.array([data.encode()], object))
    else:
        batches = with_progress(rows) if outputs else rows
        items = (item for batch in batches for item in explainer.items_of_rows(batch))
        items = islice(items, limit or None)
    count = 0
    with ExitStack() as stack:
        title = f"Explanations of {stored.folder.resolve().name}"
        files = [stack.enter_context(open_output(path, EXPLANATION_FILES, run.overwrite, title)) for path, _ in outputs]
        for explanation in explanations(explainer, items, label):
            for file in files:
                file.write(explanation)
            if not files:
                print_explanation(explanation)
            count += 1
    if rows is not None:
        log(*rows.notices)
    for path, _ in outputs:
        log(f"wrote {counted(count, 'explanation')} to {path}")
