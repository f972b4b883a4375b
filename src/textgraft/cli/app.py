"""The `textgraft` command: registers its subcommands, and turns errors into one line and an exit code."""

import functools
import os
import pkgutil
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from textgraft.cli.output.log import log
from textgraft.cli.parameters import as_command
from textgraft.errors import EXIT_CODES, ConfigError, InterruptionError, TextgraftError, TextgraftWarning
from textgraft.terminal.escaping import printable, printable_lines
from textgraft.training.interruption import Interruption

# In the order of `textgraft --help`.
COMMANDS = (
    "demo", "check", "train", "tune", "evaluate", "find-threshold", "compare", "predict", "explain", "suggest",
    "drift", "embed", "generate", "adapt", "pretrain", "distil", "quantize", "export", "verify", "serve", "inspect",
    "info", "upgrade", "presets", "fetch", "cache",
)  # fmt: skip

_HELP = {"help_option_names": ["-h", "--help"]}

# Click's, which Typer brings along under a private name.
_UsageError: Any = typer.BadParameter.__mro__[1]


def make_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        context_settings=_HELP,
        epilog=EXIT_CODES,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing Rich takes a third of the time of --help
    )
    app.callback(help="Transfer learning for text: from a file of labelled texts to a tested model.")(_root)
    return app


class _Commands(TyperGroup):
    """Builds a subcommand when it is run; the list of commands needs their docstrings only."""

    _lists_all = False

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        function: Callable[..., None] = pkgutil.resolve_name("textgraft.cli.{0}:{0}".format(cmd_name.replace("-", "_")))
        if self._lists_all:
            return TyperCommand(cmd_name, help=function.__doc__)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(cmd_name, context_settings=_HELP)(_reporting_errors(as_command(function)))
        return typer.main.get_command(app)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _printable_usage_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _printable_usage_errors():
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._lists_all = True
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self._lists_all = True
        return super().shell_complete(ctx, incomplete)


def _print_version(requested: bool) -> None:
    if requested:
        from textgraft import __version__

        typer.echo(f"textgraft {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def _reporting_errors(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def reporting(**values: Any) -> None:
        try:
            _require_utf8(values)
            with _one_line_warnings(), Interruption().handle_signals():
                command(**values)
                sys.stdout.flush()
        except (InterruptionError, TextgraftError) as error:
            log(f"error: {error}" if isinstance(error, TextgraftError) else str(error))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            if sys.stderr is not None:
                sys.stderr.close()
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (a flush at exit would fail again)
            raise typer.Exit(0) from error
        except OSError as error:
            if error.errno is None:  # raised by a library, not by the system
                raise
            log(f"error: {error.filename or 'a file, or standard output'}: {error.strerror}")
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (a flush at exit would fail again)
            raise typer.Exit(1) from error

    return reporting


@contextmanager
def _printable_usage_errors() -> Iterator[None]:
    """Escape names of options and arguments in the errors of the parser."""
    try:
        yield
    except _UsageError as error:
        error.message = printable(error.message)
        raise


def show_traceback(error: Exception) -> None:
    """Print the traceback of an unexpected error, escaped."""
    typer.echo(printable_lines("".join(traceback.format_exception(error))), err=True, nl=False)


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Print each `TextgraftWarning` once, as a line without the place in the code that other warnings have."""
    with warnings.catch_warnings():
        printed = set[str]()

        def show_line(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
            if not issubclass(category, TextgraftWarning):
                text = warnings.formatwarning(message, category, filename, lineno)
                typer.echo(printable_lines(text), err=True, nl=False)
            elif str(message) not in printed:
                printed.add(str(message))
                log(str(message))

        warnings.showwarning = show_line  # type: ignore[assignment]
        yield


def _require_utf8(values: dict[str, Any]) -> None:
    """Refuse names that cannot be written to a UTF-8 file, such as a model folder's config."""
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            try:
                str(item).encode()
            except UnicodeEncodeError as error:
                raise ConfigError(f"{name} has a byte that is not UTF-8; rename the file or folder") from error
