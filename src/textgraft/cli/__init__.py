"""The command line, with a module per command."""


def main() -> None:
    """Run the command line; an interruption before a command has begun ends it without a traceback."""
    import sys

    try:
        from textgraft.cli.app import make_app, show_traceback
        from textgraft.runtime import provide_home

        sys.excepthook = show_traceback
        provide_home()
        make_app()()
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
