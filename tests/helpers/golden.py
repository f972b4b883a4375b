"""Golden answers of model folders, changed."""

from dataclasses import replace

from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.golden import GOLDEN, golden_file
from textgraft.storage.folders import write_folder
from textgraft.storage.verification import MANIFEST


def change_scores(golden, texts):
    """Golden answers with impossible scores of the first texts."""
    answers = [{**answer, "score": [1.5]} if row < texts else answer for row, answer in enumerate(golden.answers)]
    return replace(golden, answers=answers)


def copy_with_file(folder, copy, content):
    """A copy of a model folder with other content of golden.json, and a manifest of it."""
    files = {path.name: [path.read_bytes()] for path in folder.iterdir() if path.name != MANIFEST}
    write_folder(copy, {**files, GOLDEN: [content]})
    return copy


def copy_with_changed_score(folder, copy):
    """A copy of the folder of a classifier whose first golden answer has another score."""
    return copy_with_file(folder, copy, golden_file(change_scores(model_folder.read(folder).golden, 1)))
