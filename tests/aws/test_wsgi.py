from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from agentcore_emulator.aws.wsgi import Answer, environment, receive_body, send
from agentcore_emulator.errors import ValidationException


def receiving(*messages: Message) -> Receive:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    return receive


def piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def scope(*headers: tuple[bytes, bytes], path: bytes = b"/b/a%2Fb", query: bytes = b"") -> dict[str, Any]:
    raw = {"type": "http", "method": "PUT", "raw_path": path, "query_string": query, "headers": list(headers)}
    return {**raw, "server": ("127.0.0.1", 4747), "scheme": "http"}


CODED = (b"x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER")


async def test_half_a_body_is_none() -> None:
    receive = receiving(piece(b"half", more=True), {"type": "http.disconnect"})
    with pytest.raises(ClientDisconnect):
        await receive_body(scope(), receive)


async def test_a_coded_body() -> None:
    receive = receiving(piece(b"5\r\nhel", more=True), piece(b"lo\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n", more=False))
    headers = [CODED, (b"content-encoding", b"aws-chunked,gzip"), (b"x-amz-decoded-content-length", b"5")]
    body = await receive_body(scope(*headers), receive)
    with body.file:
        environ = environment(scope(*headers), body, "localhost")
        assert body.file.read() == b"hello"
    assert {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))} == {
        "HTTP_HOST": "localhost",
        "HTTP_CONTENT_ENCODING": "gzip",
        "HTTP_X_AMZ_CHECKSUM_CRC32": "x",
        "CONTENT_LENGTH": "5",
    }


async def test_a_coded_body_without_its_end() -> None:
    with pytest.raises(ValidationException, match="the last chunk is missing"):
        await receive_body(scope(CODED), receiving(piece(b"5\r\nhello\r\n", more=False)))


async def test_the_path_as_it_was_sent() -> None:
    body = await receive_body(scope(), receiving(piece(b"", more=False)))
    with body.file:
        environ = environment(scope((b"a", b"1"), (b"a", b"2"), query=b"x=%20"), body, "localhost:4747")
    assert (environ["PATH_INFO"], environ["RAW_URI"]) == ("/b/a/b", "/b/a%2Fb?x=%20")
    assert (environ["HTTP_A"], environ["HTTP_HOST"]) == ("1,2", "localhost:4747")


async def test_an_answer_goes_out_in_pieces() -> None:
    sent: list[Message] = []

    async def take(message: Message) -> None:
        sent.append(message)

    await send(Answer(200, [(b"a", b"b")], [b"x" * 1_000_000, b"", b"y"], None), take)
    assert sent[0] == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    assert b"".join(message["body"] for message in sent[1:]) == b"x" * 1_000_000 + b"y"
    assert max(len(message["body"]) for message in sent[1:]) < 300_000
    assert not sent[-1].get("more_body")
