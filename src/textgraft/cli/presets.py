"""`textgraft presets`: pretrained models."""

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_table
from textgraft.cli.output.log import log


def presets(json: o.Json = False) -> None:
    """List presets and model families.

    With --json, also the family and the source of each preset.
    """
    from textgraft.backbones.family import families
    from textgraft.backbones.presets import is_on_this_machine, list_presets

    entries = [(entry, is_on_this_machine(entry.name)) for entry in list_presets()]
    if json:
        print_json([{**vars(entry), "local": local} for entry, local in entries])
        return
    rows = [
        (entry.name, _millions(entry.parameters), entry.languages, entry.licence, "yes" if here else "no")
        for entry, here in entries
    ]
    print_table(("preset", "size", "languages", "licence", "local"), rows)
    log(
        f"families: {', '.join(families())}; a preset may also be hf://owner/name, kaggle://... or the path of a "
        "Hugging Face folder, a KerasHub preset folder, an original BERT release, a TF-Hub SavedModel, a file of word "
        "vectors or a model folder"
    )


def _millions(count: int) -> str:
    return f"{count / 1e6:,.{0 if count >= 1e8 else 1}f} M"
