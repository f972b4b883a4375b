"""What the room needs beside textgraft's own dependencies."""

from importlib.util import find_spec

from textgraft.errors import ConfigError

_PACKAGES = ("optuna", "matplotlib")


def require_extra() -> None:
    """Make sure that the extra `tune` is installed.

    Raises:
        ConfigError: naming what is missing.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigError(f'tune needs {" and ".join(missing)}; run: pip install "textgraft[tune]"')
