"""The socket that the emulator listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket

__all__ = ["CannotListen", "listen", "url_of"]


class CannotListen(Exception):
    """There is no listening there; the message is one sentence that says why, and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises `CannotListen`."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(2048)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"port {port} of {host} is in use, perhaps by another emulator; choose one with --port, or 0 for any"
            ) from None
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    return listener


def url_of(listener: socket.socket) -> str:
    """By what this machine reaches it."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
