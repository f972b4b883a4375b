"""`textgraft presets`: what can be grafted on."""

from textgraft.cli import options as o


def presets(json: o.Json = False) -> None:
    """List the pretrained models known by name, and the kinds of folders that can be read."""
    from textgraft.cli.console import say, show, show_json
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from rich.table import Table

    from textgraft.backbones.presets import BUILT_IN, BY_NAME, families, is_installed

    known = {**BUILT_IN, **BY_NAME}
    if json:
        show_json([{"name": name, "what": what, "here": is_installed(name)} for name, what in known.items()])
        return
    table = Table("preset", "what", "on this machine")
    for name, what in known.items():
        table.add_row(name, what, "yes" if is_installed(name) else "no")
    show(table)
    say(
        f"families: {', '.join(families())}; a preset may also be the path of a Hugging Face folder, a KerasHub preset "
        "folder, a TF-Hub SavedModel folder or a text file of word vectors"
    )
