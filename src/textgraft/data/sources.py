"""From what the user wrote to the splits behind it: each format is asked whether it applies."""

from pathlib import Path

from textgraft import registry
from textgraft.data.formats.base import Format
from textgraft.data.streams import STANDARD_INPUT
from textgraft.errors import ConfigError, DataError

_ROOM = "data.formats"
_MOST_SHOWN = 200
_SPLITS = ("train", "validation", "valid", "val", "dev", "test", "unlabelled", "unlabeled", "unsupervised")


def open_source(source: str, encoding: str, name: str | None) -> dict[str, Format]:
    """The splits of a source.

    Args:
        source: a file, a folder, "-" for standard input, or what a format answers to, such as "tfds:imdb_reviews".
        encoding: of its text.
        name: of the format, or None to find it.

    Raises:
        DataError: when there is no such source, or no format reads it.
        ConfigError: when there is no format of this name, or it must be named and is not.
    """
    try:
        return _splits_of(source, encoding, name)
    except OSError as error:
        raise DataError(f"{source[:_MOST_SHOWN]}: cannot be read ({error.strerror}); check the name") from error


def _splits_of(source: str, encoding: str, name: str | None) -> dict[str, Format]:
    if name is not None:
        return dict(_format(name).open(source, encoding))
    if source == STANDARD_INPUT:
        raise ConfigError("standard input does not tell its format; name it, for instance format=csv")
    if Path(source).is_dir() and (files := _split_files(Path(source))):
        return {split: open_source(str(file), encoding, None)["train"] for split, file in files.items()}
    kind = _reader(source)
    if kind is None:
        raise DataError(_unread(source))
    return dict(kind.open(source, encoding))


def _format(name: str) -> type[Format]:
    return registry.implementation(_ROOM, name, Format)


def _reader(source: str) -> type[Format] | None:
    return next((kind for kind in map(_format, registry.names(_ROOM)) if kind.reads(source)), None)


def _split_files(folder: Path) -> dict[str, Path]:
    """Files of a folder that are named after splits, in the order of the splits."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = file.name.split(".")[0].lower()
        if split in _SPLITS and file.is_file() and _reader(str(file)):
            if split in found:
                raise DataError(f"{folder}: both {found[split].name} and {file.name} are {split}; remove one")
            found[split] = file
    return dict(sorted(found.items(), key=lambda item: _SPLITS.index(item[0])))


def _unread(source: str) -> str:
    if not Path(source).exists():
        return f"{source}: no such file or folder; check the name"
    if Path(source).is_dir():
        return f"{source}: nothing to read; put in train.csv and test.csv, or a folder of .txt files for each label"
    return f"{source}: no format has files of this ending; name the format: {', '.join(registry.names(_ROOM))}"
