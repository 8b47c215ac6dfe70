"""`/ws`: takes a client's WebSocket to the agent's own, and carries the frames as they are.

AWS developer guide, "Get started with bidirectional streaming using WebSocket" and "Quotas for Amazon Bedrock
AgentCore".
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

from websockets.utils import accept_key

from agentcore_emulator.call import Accept
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.frames import FrameScanner, FrameTooLarge, close_frame
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.invocation import await_head
from agentcore_emulator.runtime.reach import reach
from agentcore_emulator.runtime.relay import BrokenGuest, Exchange
from agentcore_emulator.runtime.session import Invocation, State
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["WebSockets", "own_acceptance", "take_over"]

_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LARGEST_FRAME: Final = 64 * 1024
_FRAMES_PER_SECOND: Final = 250
_LONGEST_SECONDS: Final = 60 * 60.0

_READ_SIZE: Final = 64 * 1024

# RFC 6455, section 7.4.1.
_GOING_AWAY, _POLICY, _TOO_BIG, _INTERNAL_ERROR = 1001, 1008, 1009, 1011

# A client that has been told to go needs a moment to answer, before its connection is closed under it.
_GOODBYE_SECONDS: Final = 0.5

# The subprotocol by which a page, which cannot set headers, brings its bearer token, and the only one that is echoed.
_BEARER: Final = "base64urlbearerauthorization"


class _Handshake(Exchange):
    """The agent's answer to a request for a WebSocket. `rest` is what it has sent beyond, if it accepts."""

    rest = b""

    def on_headers_complete(self) -> None:
        """The end of the head, which the acceptance is."""
        if self._parser.get_status_code() == 101:
            self.status = 101
            self._headers_complete = True
        else:
            super().on_headers_complete()

    async def ask(self, path: str, lines: list[tuple[str, str]]) -> None:
        """Send the request."""
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        self._writer.write(f"GET {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1"))

    def _upgraded(self, rest: bytes) -> None:
        self.rest = rest


class WebSockets:
    """The WebSocket connections of clients to agents."""

    def __init__(self, sessions: Sessions, clock: Clock, *, debug: bool) -> None:
        self._sessions = sessions
        self._clock = clock
        self._debug = debug

    async def __call__(self, visit: Visit) -> None:
        """Connect, and relay until either side is done.

        Raises `AWSError` as long as the client's request is not accepted. After that, the agent's end and the limits
        show as close codes: 1001 for the end of the session, 1008 for more than 250 frames a second or an hour, 1009
        for a frame over 64 KB, 1011 for an agent that broke off.
        """
        call, agent = visit.call, visit.agent
        accept = call.accept
        if accept is None:
            raise ValidationException("This path takes WebSocket connections alone; send an Upgrade: websocket")
        opening = _opening(call.headers)
        lines = visit.container_headers(call.headers, self._clock.time())
        if agent.latency:
            await agent.latency.invocation()
        async with reach(self._sessions, self._clock, visit) as (use, reader, writer):
            handshake = _Handshake(reader, writer)
            await handshake.ask("/ws", [*lines, *opening])
            try:
                await await_head(handshake, self._clock, forever=self._debug)
            except BrokenGuest as failure:
                why = await failures.reason(use.session, use.microvm, failure)
                raise failures.failed(use.session, why) from None
            if handshake.status != 101:
                why = f"the agent refused the WebSocket with {handshake.status}"
                message = f"Received error ({handshake.status}) from runtime. {failures.MORE}"
                raise failures.failed(use.session, why, message)
            client = take_over(accept, [*visit.own_headers(), *_acceptance(call.headers, dict(handshake.headers))])
            # From here on it is not the connection that keeps the session, but what is said on it.
            use.over()
            await _Conversation(client, (reader, writer), use, self._clock).run(handshake.rest)


class _Ended(Exception):
    """The platform ends the connection, with a close code and a reason for it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Conversation:
    """A connection of two halves, the client's and the agent's."""

    def __init__(self, client: _Ends, agent: _Ends, use: Invocation, clock: Clock) -> None:
        self._from_client, self._to_client = client
        self._from_agent, self._to_agent = agent
        self._use = use
        self._clock = clock
        self._up = FrameScanner(_LARGEST_FRAME)
        self._down = FrameScanner(_LARGEST_FRAME)
        self._second = 0.0
        self._in_second = 0

    async def run(self, rest: bytes) -> None:
        """Relay until an end; `rest` is what the agent has said already."""
        up = asyncio.create_task(self._relay_up())
        down = asyncio.create_task(self._relay_down(rest))
        late = asyncio.Event()
        lateness = asyncio.create_task(late.wait())
        limit = self._clock.call_later(_LONGEST_SECONDS, late.set)
        try:
            done, _ = await asyncio.wait((up, down, lateness), return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            for task in (up, down, lateness):
                task.cancel()
            results = await asyncio.gather(up, down, lateness, return_exceptions=True)
        try:
            for result in results:
                if isinstance(result, Exception):
                    raise result
            if lateness in done:
                raise _Ended(_POLICY, "a connection lasts 60 minutes at most")
            if down in done and not self._down.closing:
                raise await self._broken_off()
            if up in done and not self._up.closing:
                self._use.session.journal.happened("the client of a WebSocket went away")
                self._to_agent.transport.abort()
        except _Ended as ended:
            await self._end(ended)
        finally:
            # What is written is still sent.
            self._to_client.close()
            self._to_agent.close()

    async def _relay_up(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._from_client.read(_READ_SIZE):
                self._count(self._pass_on(data, self._up, self._to_agent))
                await self._to_agent.drain()
            return
        # Who cannot write to the agent has nothing to read from it either: let the other direction tell.
        await asyncio.Event().wait()

    async def _relay_down(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                if data:
                    self._pass_on(data, self._down, self._to_client)
                    await self._to_client.drain()
                data = await self._from_agent.read(_READ_SIZE)
                if not data:
                    return

    def _pass_on(self, data: bytes, scanner: FrameScanner, to: asyncio.StreamWriter) -> int:
        """Write what has come; returns how many frames have begun in it."""
        try:
            count = scanner.scan(data)
        except FrameTooLarge as error:
            to.write(data[: error.before])
            raise _Ended(_TOO_BIG, "a frame may have 64 KB") from None
        if count:
            self._use.session.last_used = self._clock.time()
        to.write(data)
        return count

    def _count(self, frames: int) -> None:
        now = self._clock.monotonic()
        if now - self._second >= 1:
            self._second, self._in_second = now, 0
        self._in_second += frames
        if self._in_second > _FRAMES_PER_SECOND:
            raise _Ended(_POLICY, f"a client may send {_FRAMES_PER_SECOND} frames a second")

    async def _broken_off(self) -> _Ended:
        session, microvm = self._use.session, self._use.microvm
        if session.state is State.STOPPING:
            return _Ended(_GOING_AWAY, "the session has ended")
        await failures.await_death(microvm)
        return _Ended(_INTERNAL_ERROR, "the agent broke off")

    async def _end(self, ended: _Ended) -> None:
        """Tell both sides, as far as they are not in the middle of a frame, and let the client answer."""
        self._use.microvm.drain_log()
        level = logging.ERROR if ended.code == _INTERNAL_ERROR else logging.INFO
        self._use.session.journal.happened(f"a WebSocket was closed with {ended.code}: {ended.reason}", level=level)
        if self._up.between and not self._up.closing and not self._to_agent.is_closing():
            self._to_agent.write(close_frame(ended.code, ended.reason, masked=True))
        if self._down.between and not self._down.closing and not self._to_client.is_closing():
            self._to_client.write(close_frame(ended.code, ended.reason))
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._to_client.drain()
                while (data := await self._from_client.read(_READ_SIZE)) and not self._goodbye(data):
                    pass

    def _goodbye(self, data: bytes) -> bool:
        """Whether the client has said with this, or before, that it is done."""
        if not self._up.lost:
            with contextlib.suppress(FrameTooLarge):
                self._up.scan(data)
        return self._up.closing


def take_over(accept: Accept, lines: list[tuple[str, str]]) -> _Ends:
    """Take the client's connection over."""
    ends: list[_Ends] = []
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(), lambda *both: ends.append(both))
    accept([(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines], protocol)
    return ends[0]


def own_acceptance(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the platform itself answers to a client's opening handshake; `ValidationException` for one that is none."""
    bearer = next((name for name in _offered(headers) if name.lower() == _BEARER), None)
    lines = [("sec-websocket-accept", accept_key(_key(headers)))]
    return [*lines, *([("sec-websocket-protocol", bearer)] if bearer else [])]


def _key(headers: Mapping[str, str]) -> str:
    key = headers.get("sec-websocket-key", "")
    try:
        whole = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        whole = False
    if not whole or headers.get("sec-websocket-version") != "13":
        raise ValidationException("This is no opening handshake of a WebSocket: its key or its version is not right")
    return key


def _opening(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the agent gets of a client's opening handshake; `ValidationException` for one that is none.

    Extensions stay behind: compressed, a frame would not be what the quotas speak of.
    """
    key = _key(headers)
    offered = [name for name in _offered(headers) if not name.lower().startswith(_BEARER)]
    return [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", key),
        ("sec-websocket-version", "13"),
        *([("sec-websocket-protocol", ", ".join(offered))] if offered else []),
    ]


def _acceptance(asked: Mapping[str, str], answered: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the client gets of the agent's acceptance."""
    lines = [("sec-websocket-accept", answered.get("sec-websocket-accept", ""))]
    bearer = next((name for name in _offered(asked) if name.lower() == _BEARER), None)
    protocol = bearer or answered.get("sec-websocket-protocol")
    return [*lines, *([("sec-websocket-protocol", protocol)] if protocol else [])]


def _offered(headers: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
