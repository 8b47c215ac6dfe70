"""`InvokeAgentRuntimeCommand`: runs one command in a session, and streams what it prints.

AWS developer guide, "Execute shell commands in AgentCore Runtime sessions", and botocore's model of the operation.
"""

from __future__ import annotations

import asyncio
import codecs
import sys
from collections.abc import Mapping
from typing import Any, Final

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import NotImplementedException, ValidationException
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.executing import executing
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.microvm.execution import Execution
from agentcore_emulator.runtime.relay import BrokenGuest
from agentcore_emulator.runtime.session import Invocation
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.wire import eventstream

__all__ = ["Commands"]

# botocore model, the `timeout` of InvokeAgentRuntimeCommandRequestBody.
_SECONDS: Final = 300
_FEWEST_SECONDS, _MOST_SECONDS = 1, 3600

# AWS developer guide: a command has 1 byte to 64 KB. (The model counts characters.)
_LONGEST_COMMAND: Final = 64 * 1024

# AWS developer guide: an event has 64 KB at most, and all of a command's output 100 MB.
_MOST_OUTPUT: Final = 100_000_000

# In bytes; as JSON, one may become six.
_LARGEST_PIECE: Final = 10_000


class Commands:
    """Runs commands in sessions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, visit: Visit) -> None:
        """Run the command of a visit in its session, which is started if need be and in use until the command ends.

        Raises `AWSError` as long as the command has not started. What befalls the session later is an exception in the
        stream. A client that goes away changes nothing for the command.
        """
        if sys.platform != "linux":
            raise NotImplementedException("InvokeAgentRuntimeCommand outside Linux", "bedrock-agentcore")
        command, seconds = _asked(visit.request["body"])
        await eventstream.prepare()

        async def start(use: Invocation) -> Execution:
            use.session.journal.happened(f"command: {command}")
            return await use.microvm.execute(["bash", "-c", "--", command])

        async with executing(self._sessions, self._clock, visit, start) as (use, execution):
            try:
                await _Answer(visit, use, execution, self._clock).stream(seconds)
            finally:
                execution.leave()


class _Answer:
    """The event stream about one command."""

    def __init__(self, visit: Visit, use: Invocation, execution: Execution, clock: Clock) -> None:
        self._visit = visit
        self._use = use
        self._execution = execution
        self._clock = clock
        self._timed_out = False
        self._printed = 0

    async def stream(self, seconds: float) -> None:
        """Send all of it; the command may take so many seconds."""
        lines = [*self._visit.own_headers(), ("content-type", eventstream.CONTENT_TYPE)]
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        await self._visit.call.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"contentStart": {}})
        limit = self._clock.call_later(seconds, self._expire)
        try:
            await self._relay()
        finally:
            limit.cancel()
        await self._visit.call.send({"type": "http.response.body", "body": await self._last(), "more_body": False})

    async def _relay(self) -> None:
        # A character may come in two pieces.
        decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        async for piece in self._execution.pieces(_LARGEST_PIECE):
            self._printed += len(piece.data)
            if self._printed > _MOST_OUTPUT:
                self._execution.kill()
                return
            if text := decoders[piece.stream].decode(piece.data):
                await self._send({"contentDelta": {piece.stream: text}})
        for name, decoder in decoders.items():
            if text := decoder.decode(b"", final=True):
                await self._send({"contentDelta": {name: text}})

    async def _last(self) -> bytes:
        session = self._use.session
        code = await self._execution.ended
        if code is None:
            why = await self._why_cut_off()
            session.journal.happened(f"the command was cut off: {why}")
            return eventstream.exception("runtimeClientError", f"Runtime client error. {failures.MORE}")
        # As bash has it of what it runs itself.
        status = 128 - code if code < 0 else code
        self._use.over()
        if self._printed > _MOST_OUTPUT:
            session.journal.happened(f"the command was ended: it has printed more than {_MOST_OUTPUT:,} bytes")
            return eventstream.exception(
                "serviceQuotaExceededException", f"The output of a command may have {_MOST_OUTPUT} bytes"
            )
        how = "TIMED_OUT" if self._timed_out else "COMPLETED"
        session.journal.happened(f"the command is over: {how}, exit code {status}")
        return eventstream.event("chunk", {"contentStop": {"exitCode": status, "status": how}})

    async def _why_cut_off(self) -> str:
        session, microvm = self._use.session, self._use.microvm
        if microvm.severed:
            return "the session was stopped"
        return await failures.reason(session, microvm, BrokenGuest("what runs commands was killed from outside"))

    async def _expire(self) -> None:
        self._timed_out = not self._execution.ended.done()
        self._execution.kill()
        await asyncio.wait((self._execution.ended,))
        # Now, and not when the client has read as far: whoever moves the clock may look at the session next.
        self._use.over()

    async def _send(self, chunk: Mapping[str, Any]) -> None:
        event = eventstream.event("chunk", chunk)
        await self._visit.call.send({"type": "http.response.body", "body": event, "more_body": True})


def _asked(body: Mapping[str, Any]) -> tuple[str, int]:
    """The command, and how many seconds it may take; `ValidationException` for what is out of range."""
    command: str = body["command"]
    seconds: int = body.get("timeout", _SECONDS)
    if not _FEWEST_SECONDS <= seconds <= _MOST_SECONDS:
        raise _invalid("timeout", f"Member must be between {_FEWEST_SECONDS} and {_MOST_SECONDS}")
    if len(command.encode()) > _LONGEST_COMMAND:
        raise _invalid("command", f"Member must have at most {_LONGEST_COMMAND} bytes in UTF-8")
    if "\0" in command:
        raise _invalid("command", "Member must not hold a NUL character, which no program can be given")
    return command, seconds


def _invalid(member: str, rule: str) -> ValidationException:
    return ValidationException(
        f"1 validation error detected: Value at 'body.{member}' failed to satisfy constraint: {rule}",
        fields=[(f"body.{member}", rule)],
    )
