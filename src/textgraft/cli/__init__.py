"""The command line: one file, one verb."""

from textgraft.cli.app import main

__all__ = ["main"]
