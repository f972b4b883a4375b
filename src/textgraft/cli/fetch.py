"""`textgraft fetch`: download a preset ahead of time."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli.output.log import log
from textgraft.errors import DataError, PresetError


def fetch(
    preset: Annotated[str, typer.Argument(help="Pretrained model; see `textgraft presets`.")],
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="JSON file for name, address, size and SHA-256 of each file.  \\[none]",
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Download a preset and print its path.

    Example:
        textgraft fetch bert_tiny_en_uncased --manifest mirror.json
    """
    from textgraft.backbones.presets import find_source, verify_files
    from textgraft.cli.output.files import require_writable_file

    if manifest:
        require_writable_file(manifest)
    resolved = find_source(preset).resolve(preset, download=True)
    sha256, path = verify_files(resolved), resolved.path
    sizes = {name: (path if path.is_file() else path / name).stat().st_size for name in sha256}
    if manifest:
        files = [{"name": name, "size": sizes[name], "sha256": digest} for name, digest in sha256.items()]
        _write_entry(manifest, {"name": preset, "address": find_source(preset).address(preset), "files": files})
    log(f"{preset}: {len(sizes)} files, {sum(sizes.values()):,} bytes in {path}")


def _write_entry(manifest: Path, entry: dict[str, Any]) -> None:
    """Write a preset into a manifest; an older entry of the same preset is replaced."""
    from textgraft.storage.atomic_files import atomic_file
    from textgraft.storage.disk import disk_errors
    from textgraft.storage.preset_files import read_optional_json

    try:
        others = [other for other in read_optional_json(manifest).get("presets", []) if other["name"] != entry["name"]]
    except (KeyError, TypeError, PresetError) as error:
        raise DataError(f"{manifest} exists and is not a manifest; choose another name") from error
    content = json.dumps({"presets": [*others, entry]}, indent=2, ensure_ascii=False) + "\n"
    with disk_errors("write", manifest, kind=DataError), atomic_file(manifest) as file:
        file.write(content.encode())
