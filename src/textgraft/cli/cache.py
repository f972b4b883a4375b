"""`textgraft cache`: the token ids and vectors that are kept between runs."""

from enum import StrEnum
from typing import Annotated

import typer


class Action(StrEnum):
    """What to do with it."""

    SHOW = "show"
    CLEAR = "clear"


def cache(action: Annotated[Action, typer.Argument(help="What to do with it.")] = Action.SHOW) -> None:
    """Show or clear the token ids and vectors that --fine-tune none keeps: a text goes through a backbone once only.

    TEXTGRAFT_CACHE names another folder, TEXTGRAFT_CACHE_GIB another limit than 5 GiB; what was used longest ago goes
    first.

    Examples:
        textgraft cache

        textgraft cache clear
    """
    from textgraft.cli.console import say
    from textgraft.storage.array_cache import ArrayCache

    kept = ArrayCache.from_environment()
    count, size = len(kept.entries), kept.size
    if action is Action.CLEAR:
        kept.clear()
        say(f"removed {count:,} entries, {_mib(size)}, from {kept.folder}")
        return
    typer.echo(f"{kept.folder}: {count:,} entries, {_mib(size)} of at most {_mib(kept.limit)}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
