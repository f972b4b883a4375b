"""Writes docs/reference/options.md from the command line: `python -m tools.make_options_page`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import typer

from textgraft.backbones.family import load_family
from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS
from textgraft.cli.app import COMMANDS, make_app
from textgraft.options import PANELS
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "options.md"

_HEAD = """\
# Options

All commands and options, generated from the code. Arguments in Python and keys in `--config` files have the same names,
with underscores: `--batch-size 32` is `batch_size = 32`.
"""
_METAVARS = {str: "TEXT", list[str]: "TEXT", Path: "PATH", int: "N", float: "NUMBER"}
# Their defaults depend on the number of texts, or on the model that is extended.
_NOT_BY_FAMILY = ("head", "keep_replay", "ngrams", "refit")


def main() -> None:
    """Write the page."""
    PAGE.write_text(build(), encoding="utf-8")


def build() -> str:
    """Return the page: the commands, then a table of options for each panel of the help."""
    group: Any = typer.main.get_command(make_app())
    commands = {name: group.get_command(None, name) for name in COMMANDS}
    users: dict[tuple[str, ...], list[str]] = {}  # commands of each distinct option
    for name, command in commands.items():
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                users.setdefault(_row(option), []).append(name)
    sections = [_HEAD, "## Commands\n", _table(("Command", "Effect"), [_usage(*item) for item in commands.items()])]
    for panel in (*PANELS, "Other"):
        rows = [(*row, ", ".join(names)) for (of_panel, *row), names in users.items() if of_panel == panel]
        if rows:
            sections += [f"## {panel}\n", _table(("Option", "Default", "Description", "Commands"), rows)]
    return "\n".join([*sections, _family_defaults()])


def _family_defaults() -> str:
    """Table of the training options whose default depends on the family."""
    families = TRANSFORMER_DEFAULTS, load_family("word_vectors").training_defaults
    by_family = {field.name for field in fields(TRANSFORMER_DEFAULTS)} - set(_NOT_BY_FAMILY)
    names = [field.name for field in fields(TrainingConfig) if field.name in by_family]
    columns = [*(asdict(family) for family in families), dict.fromkeys(names, "as the family") | HEAD_ONLY_DEFAULTS]
    rows = [(f"`--{name.replace('_', '-')}`", *(str(column[name]) for column in columns)) for name in names]
    head = ("Option", "Transformers", "Word vectors", "Head only (`--fine-tune none --head gradient`)")
    return "\n".join(["## Defaults by family\n", _table(head, rows)])


def _row(option: Any) -> tuple[str, str, str, str]:
    """Panel, flag, default and help of an option."""
    help_text, _, default = (option.help or "").partition("  \\[")
    name = "/".join([*option.opts, *option.secondary_opts])
    flag = name if option.is_flag else f"{name} {_METAVARS[option.type_descriptor.annotation]}"
    return option.rich_help_panel or "Other", f"`{flag}`", default.removesuffix("]"), help_text


def _usage(name: str, command: Any) -> tuple[str, str]:
    """Usage and first line of help of a command."""
    arguments = [argument.name.upper() for argument in command.params if argument.param_type_name == "argument"]
    first_line = " ".join(command.help.split("\n\n")[0].split())
    return f"`textgraft {' '.join([name, *arguments])}`", first_line


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


if __name__ == "__main__":
    main()
