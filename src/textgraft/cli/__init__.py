"""The command line, with a module per command."""

from textgraft.cli.app import main

__all__ = ["main"]
