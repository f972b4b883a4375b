"""The command line, with a module per command."""


def main() -> None:
    """Run the command line; an interruption before a command has begun ends it without a traceback."""
    import io
    import sys

    try:
        from textgraft.cli.app import make_app, show_traceback
        from textgraft.runtime import provide_home, provide_standard_streams

        provide_standard_streams()
        if isinstance(sys.stdout, io.TextIOWrapper):  # characters that its encoding lacks are escaped
            sys.stdout.reconfigure(errors="backslashreplace")
        provide_home()
        try:
            make_app()()
        except Exception as error:
            show_traceback(error)
            sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
