"""Reference of all options as Markdown, made from the commands: `python -m textgraft.cli.reference`."""

from collections.abc import Iterable

from textgraft.cli.app import COMMANDS, command_function
from textgraft.cli.parameters import Parameters
from textgraft.options import PANELS, OptionField


def options_table(options: Iterable[OptionField]) -> str:
    """A Markdown table of options, their defaults and their help."""
    rows = [f"| `{known.flag}` | {known.shown_default} | {known.option.help} |" for known in options]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows]).replace("|'", "\\|'")


def options_reference(command: str) -> str:
    """The options of a command as Markdown, a heading and a table per panel."""
    options = list(Parameters.of(command_function(command)).options.values())
    panels = {panel: [known for known in options if known.option.panel == panel] for panel in PANELS}
    return "\n\n".join(f"### {panel}\n\n{options_table(known)}" for panel, known in panels.items() if known)


def main() -> None:
    """Print the options of all commands that have some."""
    import typer

    for command in COMMANDS:
        if reference := options_reference(command):
            typer.echo(f"## textgraft {command}\n\n{reference}\n")


if __name__ == "__main__":
    main()
