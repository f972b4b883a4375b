"""`textgraft presets`: what can be grafted on."""

from typing import Any

from textgraft.cli import options as o


def presets(json: o.Json = False) -> None:
    """List the pretrained models known by name, the families, and the other ways to name a preset.

    With --json, also where each comes from.
    """
    from textgraft.cli.console import say, show, show_json
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from rich.table import Table

    from textgraft.backbones.base import families
    from textgraft.backbones.presets import is_here, listed

    rows: list[dict[str, Any]] = [{**vars(entry), "here": is_here(entry.name)} for entry in listed()]
    if json:
        show_json(rows)
        return
    table = Table("preset", "family", "parameters", "licence", "here")
    table.columns[0].overflow = "fold"
    for row in rows:
        size, here = f"{row['parameters'] / 1e6:,.1f} M", "yes" if row["here"] else "no"
        table.add_row(row["name"], row["family"], size, row["licence"], here)
    show(table)
    say(
        f"families: {', '.join(families())}; a preset may also be hf://owner/name, kaggle://... or the path of a "
        "Hugging Face folder, a KerasHub preset folder, an original BERT release, a TF-Hub SavedModel, a file of word "
        "vectors or a model folder"
    )
