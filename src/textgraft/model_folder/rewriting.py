"""Changes of model folders that are written: proofs of int8, settings, and the format."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgraft.model_folder.card import write_card
from textgraft.model_folder.folder import CARD, CONFIG, StoredModel
from textgraft.model_folder.golden import GOLDEN, GoldenAnswers, golden_file
from textgraft.model_folder.writing import config_json
from textgraft.storage import folders
from textgraft.storage.syncing import FileContent
from textgraft.storage.verification import REMOVABLE_FILES, verify_folder


def store_proofs(stored: StoredModel, proofs: Sequence[Mapping[str, Any]]) -> None:
    """Write proofs of int8 into a model folder, in place of those that it has.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or cannot be written.
    """
    _replace_files(stored, {CONFIG: config_json({**stored.config, "int8": [*proofs]})}, stored.folder, overwrite=True)


def store_settings(stored: StoredModel, settings: Mapping[str, Any], golden: GoldenAnswers | None) -> None:
    """Write other settings of a task into a model folder, with the golden answers of the model that has them.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or cannot be written.
    """
    rewrite_folder(stored, {**stored.config, "settings": dict(settings)}, stored.folder, True, golden)


def rewrite_folder(
    stored: StoredModel, config: dict[str, Any], target: Path, overwrite: bool, golden: GoldenAnswers | None = None
) -> None:
    """Write a model folder with another config, a card of that unless it was edited, and golden answers if there are.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or the target cannot be written.
    """
    files = {CONFIG: config_json(config)}
    files |= {} if stored.edited_card else {CARD: write_card(config).encode()}
    files |= {} if golden is None else {GOLDEN: golden_file(golden)}
    _replace_files(stored, files, target, overwrite)


def _replace_files(stored: StoredModel, replaced: Mapping[str, bytes], target: Path, overwrite: bool) -> None:
    verify_folder(stored.folder)
    files: dict[str, FileContent] = {name: [content] for name, content in _present_files(stored)}
    folders.write_folder(target, {**files, **{name: [content] for name, content in replaced.items()}}, overwrite)


def _present_files(stored: StoredModel) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; those that may be removed can be absent."""
    for name in stored.sha256:
        path = stored.folder / name
        if name not in REMOVABLE_FILES or path.exists():
            yield name, path.read_bytes()
