"""Run the command line with `python -m textgraft`."""

from textgraft.cli import main

main()
