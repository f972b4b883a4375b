"""The socket of the server; importing this file does not import TensorFlow."""

import errno
import socket

from textgraft.errors import BusyError, ConfigError

_BACKLOG = 2048  # connections that wait to be accepted


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at an address, before anything slow begins; connections wait to be accepted.

    Raises:
        BusyError: when another process has the port.
        ConfigError: when the address cannot be listened at.
    """
    try:
        # asyncio sends without delay (TCP_NODELAY) on sockets whose protocol is stated.
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, proto=socket.IPPROTO_TCP)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"cannot listen at {host}: {error.strerror or error}; choose another --host") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)  # at once: another process could still bind the port, and fail later
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise BusyError(f"port {port} of {host} is in use by another process; choose another --port") from error
        raise ConfigError(f"cannot listen at {host}, port {port}: {error.strerror}; choose another") from error
    return listening


def address_of(listening: socket.socket) -> str:
    """The address of a server on a socket, as a browser takes it."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
