"""Progress bars of commands."""

import io

from rich.console import Console

from textgraft.cli.output.console import ExplanationProgress
from textgraft.training.progress import text_bar


def test_entities_of_a_text_are_counted_beside_texts():
    bar = text_bar(Console(file=io.StringIO()))
    progress = ExplanationProgress(bar)

    def tasks():
        return [(task.description, task.completed, task.total) for task in bar.tasks]

    progress.start_text(3)
    progress.advance()
    assert tasks() == [("texts", 1, None), ("entities of this text", 1, 3)]
    progress.start_text(1)
    progress.advance()
    assert tasks() == [("texts", 2, None)]
