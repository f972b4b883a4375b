"""`textgraft cache`: token ids and embeddings stored between runs."""

from enum import StrEnum
from typing import Annotated

import typer

from textgraft.cli.output.console import print_line
from textgraft.cli.output.log import log


class Action(StrEnum):
    """Actions on the cache."""

    SHOW = "show"
    CLEAR = "clear"


def cache(action: Annotated[Action, typer.Argument(help="Action: show or clear.")] = Action.SHOW) -> None:
    """Show or clear the cache of token ids and embeddings.

    Runs with --fine-tune none reuse it.

    The environment variables TEXTGRAFT_CACHE and TEXTGRAFT_CACHE_GIB set its folder and its limit (5 GiB by default).

    The least recently used entries are deleted first.

    Examples:
        textgraft cache

        textgraft cache clear
    """
    from textgraft.storage.array_cache import ArrayCache

    stored = ArrayCache.from_environment()
    count, size = len(stored.entries), stored.size
    if action is Action.CLEAR:
        stored.clear()
        log(f"removed {count:,} entries, {_mib(size)}, from {stored.folder}")
        return
    if stored.problem:
        log(f"the cache is not used: {stored.problem}")
    print_line(f"{stored.folder}: {count:,} entries, {_mib(size)} of at most {_mib(stored.limit)}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
