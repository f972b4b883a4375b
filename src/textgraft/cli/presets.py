"""`textgraft presets`: pretrained models."""

from textgraft.cli import options as o


def presets(json: o.Json = False) -> None:
    """List presets, model families and other ways to name one.

    With --json, also the source of each preset.
    """
    from textgraft.cli.output.console import log, print_json, print_result
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from rich.table import Table

    from textgraft.backbones.family import families
    from textgraft.backbones.preset_sources import is_on_this_machine, list_presets

    rows = [{**vars(entry), "here": is_on_this_machine(entry.name)} for entry in list_presets()]
    if json:
        print_json(rows)
        return
    table = Table("preset", "family", "parameters", "licence", "here")
    table.columns[0].overflow = "fold"
    for row in rows:
        size, here = f"{row['parameters'] / 1e6:,.1f} M", "yes" if row["here"] else "no"
        table.add_row(row["name"], row["family"], size, row["licence"], here)
    print_result(table)
    log(
        f"families: {', '.join(families())}; a preset may also be hf://owner/name, kaggle://... or the path of a "
        "Hugging Face folder, a KerasHub preset folder, an original BERT release, a TF-Hub SavedModel, a file of word "
        "vectors or a model folder"
    )
