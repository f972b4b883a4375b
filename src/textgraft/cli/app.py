"""The `textgraft` command: finds the verbs, and turns errors into one line and an exit code."""

import functools
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft import __version__
from textgraft.errors import ConfigError, InterruptionError, TextgraftError
from textgraft.training.interruption import Interruption

# In the order in which a newcomer meets them.
_VERBS = (
    "demo", "train", "tune", "evaluate", "compare", "predict", "embed", "generate", "adapt", "pretrain",
    "inspect", "info", "presets", "fetch", "cache",
)  # fmt: skip

_EXIT_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong option or config; 3 data that cannot be used; 4 preset missing or damaged; "
    "5 model folder missing, damaged or not writable; 6 training cannot go on; 7 in use by another process; "
    "130 or 143 interrupted."
)


def main() -> None:
    """Run the command line."""
    _app()()


def _app() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=_EXIT_CODES)
    app.callback(help="Transfer learning for text: a file of labelled texts in, a tested model out.")(_root)
    for verb in _VERBS:
        app.command(verb)(_reporting(getattr(importlib.import_module(f"textgraft.cli.{verb}"), verb)))
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"textgraft {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the command itself; the verbs do the work."""


def _reporting(verb: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(verb)
    def reporting(**options: Any) -> None:
        try:
            _require_text(options)
            with Interruption().handle_signals():
                verb(**options)
                sys.stdout.flush()
        except InterruptionError as stopped:
            typer.echo(stopped, err=True)
            raise typer.Exit(stopped.exit_code) from stopped
        except TextgraftError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as gone:
            sys.stderr.close()
            raise typer.Exit(0) from gone
        except OSError as error:
            if error.errno is None:  # of a library, not of the system
                raise
            typer.echo(f"error: {error.filename or 'a file, or standard output'}: {error.strerror}", err=True)
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (what could not be written is not tried again)
            raise typer.Exit(1) from error

    return reporting


def _require_text(options: dict[str, Any]) -> None:
    """Refuse names that no UTF-8 file, such as a model folder's config, could hold."""
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            try:
                str(one).encode()
            except UnicodeEncodeError as error:
                raise ConfigError(f"{name} has a byte that is not UTF-8; rename what it names") from error
