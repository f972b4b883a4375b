"""`textgraft fetch`: a preset to this machine, ahead of time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer


def fetch(
    preset: Annotated[str, typer.Argument(help="Pretrained model: see `textgraft presets`.")],
    manifest: Annotated[
        Path | None, typer.Option(help="A JSON file that gets name, address, size and SHA-256 of each file.")
    ] = None,
) -> None:
    """Bring a preset to this machine, and say where it is.

    Example:
        textgraft fetch bert_tiny_en_uncased --manifest mirror.json
    """
    from textgraft.cli.console import say
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from textgraft.backbones.presets import address_of, fetched

    located, sha256 = fetched(preset)
    files = list(_described(located.path, sha256))
    if manifest:
        _write(manifest, {"name": preset, "address": address_of(preset), "files": files})
    say(f"{preset}: {len(files)} files, {sum(file['size'] for file in files):,} bytes in {located.path}")


def _described(path: Path, sha256: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, digest in sha256.items():
        file = path if path.is_file() else path / name
        yield {"name": name, "size": file.stat().st_size, "sha256": digest}


def _write(manifest: Path, entry: dict[str, Any]) -> None:
    """Put an entry into a manifest, in place of an older one of the same preset."""
    from textgraft.errors import ConfigError
    from textgraft.storage import folders
    from textgraft.storage.preset_files import read_optional_json

    try:
        others = [other for other in read_optional_json(manifest).get("presets", []) if other["name"] != entry["name"]]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{manifest} is there and no manifest; choose another name") from error
    content = json.dumps({"presets": [*others, entry]}, indent=2, ensure_ascii=False) + "\n"
    try:
        with folders.atomic_file(manifest) as file:
            file.write(content.encode())
    except OSError as error:
        raise ConfigError(f"{manifest} cannot be written: {error.strerror}") from error
