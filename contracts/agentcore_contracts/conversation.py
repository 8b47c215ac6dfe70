"""A client's WebSocket whose messages are told as exchanges, each as the test sends or takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from agentcore_contracts import exchanges

__all__ = ["converse"]


class _Conversation(ClientConnection):
    """What one test or several say and hear on one connection; `about` is the session that it was opened with."""

    about: str | None = None

    def send(self, message: Any, **options: Any) -> None:
        if isinstance(message, str | bytes | bytearray | memoryview):
            exchanges.observed("WebSocket sent", {"connection": self.about, **_data(message)})
        self._noting_end(super().send, message, **options)

    def recv(self, *arguments: Any, **options: Any) -> Any:
        message = self._noting_end(super().recv, *arguments, **options)
        exchanges.observed("WebSocket received", {"connection": self.about, **_data(message)})
        return message

    def _noting_end(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except ConnectionClosed as closed:
            end = None if closed.rcvd is None else {"code": closed.rcvd.code, "reason": closed.rcvd.reason}
            exchanges.observed("WebSocket ended", {"connection": self.about, "close": end})
            raise


def converse(
    url: str, session: str | None, query: Mapping[str, str], headers: Mapping[str, str], **options: Any
) -> ClientConnection:
    """Open a WebSocket for a session; `query` and `headers` are what is told of its handshake, beside the answer.

    `options` are those of the client of `websockets`, whose errors these are.
    """
    handshake = exchanges.sent("WebSocket", "ws", headers, b"", query=query)
    try:
        connection = connect(url, create_connection=_Conversation, **options)
    except InvalidStatus as refused:
        response = refused.response
        exchanges.answered(handshake, response.status_code, dict(response.headers.raw_items()), bytes(response.body))
        raise
    assert isinstance(connection, _Conversation)
    assert connection.response is not None
    connection.about = session
    response = connection.response
    exchanges.answered(handshake, response.status_code, dict(response.headers.raw_items()), b"")
    return connection


def _data(message: str | bytes | bytearray | memoryview) -> dict[str, bytes]:
    # As bytes, so that JSON in it is taken for JSON.
    if isinstance(message, str):
        return {"text": message.encode("utf-8", "surrogatepass")}
    return {"binary": bytes(message)}
