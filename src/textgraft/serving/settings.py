"""Options of the server, and what must hold before it starts."""

import ipaddress
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from textgraft.errors import ConfigError
from textgraft.options import CheckedOptions, option
from textgraft.storage.disk import disk_errors

_PACKAGES = ("fastapi", "httptools", "prometheus_client", "uvicorn")
_LOCAL_NAME = "localhost"

# While the clients of one batch get their answers and ask again, or one of its operations uses a single core, the other
# one is computed.
CONCURRENT_BATCHES = 2

_MAX_TOKEN_FILE_BYTES = 1 << 16
_MIN_TOKEN_LENGTH = 16  # characters; 64 bits or more where they are random
_TOKEN_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._~+/=")


@dataclass(frozen=True)
class ServerOptions(CheckedOptions):
    """Address, access and limits of the server."""

    host: str = option("127.0.0.1", "Address to listen at.", panel="Server")
    port: int = option(8000, "Port; 0 for a free one.", panel="Server", minimum=0, maximum=65535)
    token_file: str | None = option(
        None, "File of bearer tokens, one a line; a request needs one of them.", panel="Server"
    )
    insecure: bool = option(False, "Serve another address than this machine's own without a token.", panel="Server")
    timeout: float = option(
        10.0, "Seconds in which a request is answered, or refused at once.", panel="Server", minimum=0.1, maximum=3600
    )
    drain: float = option(
        30.0, "Maximum seconds of unfinished requests after SIGTERM.", panel="Server", minimum=0, maximum=3600
    )
    max_texts: int = option(1024, "Maximum texts of a request.", panel="Server", minimum=1, maximum=65536)
    max_characters: int = option(100_000, "Maximum characters of a text.", panel="Server", minimum=1, maximum=4 << 20)
    max_bytes: int = option(4 << 20, "Maximum bytes of a request.", panel="Server", minimum=1024, maximum=64 << 20)
    reload: bool = option(True, "Load a model folder again when it was replaced.", panel="Server")
    corrections: str | None = option(
        None,
        "File of JSON lines to which the corrections of users are appended, for `train --from`; it has their texts.",
        panel="Server",
    )
    replicas: int | None = option(
        None,
        "Number of processes that compute, with --engine ray.",
        panel="Server",
        shown_default="as many as the cluster has processors for",
        minimum=1,
    )
    log_texts: bool = option(False, "Log the texts of requests.", panel="Output")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (is_local(self.host) or self.token_file or self.insecure):
            raise ConfigError(
                f"serving at {self.host} lets other machines use the model; add --token-file FILE, or --insecure"
            )


@lru_cache(maxsize=16)
def is_local(host: str) -> bool:
    """Whether an address is one that only this machine reaches; the last ones are kept, for requests to be fast."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == _LOCAL_NAME


def require_serving_packages() -> None:
    """Raise a ConfigError that names the missing packages unless the extra `serve` is installed."""
    if missing := [name.replace("_", "-") for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigError(f"serve needs {' and '.join(missing)}; run: pip install 'textgraft[serve]'")


def read_tokens(path: str | None) -> tuple[bytes, ...]:
    """The bearer tokens in a file, one a line; none without a file.

    Raises:
        ConfigError: for a file that cannot be read, is too large or has no token, or for a token that is short or has
            a character that a header cannot have.
    """
    if path is None:
        return ()
    with disk_errors("read", Path(path), kind=ConfigError), Path(path).open("rb") as file:
        content = file.read(_MAX_TOKEN_FILE_BYTES + 1)
    if len(content) > _MAX_TOKEN_FILE_BYTES:
        raise ConfigError(f"{path} has over {_MAX_TOKEN_FILE_BYTES >> 10} KiB; a file of tokens has one a line")
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    tokens = [(number, line) for number, line in enumerate(lines, start=1) if line]
    if not tokens:
        raise ConfigError(f"{path} has no token; write one of {_MIN_TOKEN_LENGTH} characters or more")
    for number, token in tokens:
        _check_token(f"{path}, line {number}", token)
    return tuple(token.encode() for _, token in tokens)


def _check_token(location: str, token: str) -> None:
    if len(token) < _MIN_TOKEN_LENGTH:
        raise ConfigError(f"{location}: a token of {len(token)} characters; use {_MIN_TOKEN_LENGTH} or more")
    if not _TOKEN_CHARACTERS.issuperset(token):
        raise ConfigError(f"{location}: a token has letters of ASCII, digits and -._~+/= only; write another one")


def named_sources(sources: Sequence[str]) -> dict[str, str]:
    """Model folders or presets by the name under which they are served: NAME of NAME=SOURCE, or the last of its path.

    Raises:
        ConfigError: for a name that an address cannot have, or that occurs twice.
    """
    by_name: dict[str, str] = {}
    for text in sources:
        name, equals, source = text.partition("=")
        if not equals or "/" in name:
            name, source = Path(text).expanduser().absolute().name, text
        if not _is_name(name):
            raise ConfigError(
                f"{name!r:.60} is no name for an address: letters, digits, - _ . only; pass NAME={text!r:.60}"
            )
        if name in by_name:
            raise ConfigError(f"two models have the name {name}; name one of them: OTHER={source!r:.60}")
        by_name[name] = source
    return by_name


def _is_name(name: str) -> bool:
    allowed = frozenset(string.ascii_letters + string.digits + "-_.")
    return 0 < len(name) <= 64 and allowed.issuperset(name) and name.strip(".") != ""
