"""Finds the name that a TLS client asks for, in the bytes with which it begins."""

from __future__ import annotations

import ssl

__all__ = ["ClientHello"]

_HANDSHAKE = b"\x16"  # RFC 8446, section 5.1: the type of the first record of any TLS connection.


class ClientHello:
    """Fed with what a client sends first, it tells when that is known to the end: `done`, and then `name`."""

    def __init__(self) -> None:
        self.done = False
        self.name = ""
        """Empty if the client names no server, or speaks no TLS."""
        self._incoming = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        if self._tls is None:
            if data[:1] != _HANDSHAKE:
                self.done = True
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.sni_callback = self._on_name
            self._tls = context.wrap_bio(self._incoming, ssl.MemoryBIO(), server_side=True)
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            self.done = True

    def _on_name(self, _: object, name: str | None, __: object) -> int:
        self.name = name or ""
        # All that is wanted is known; nothing of what this end would say is ever sent.
        return ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
