"""The bedrock-runtime plane: Converse and ConverseStream, answered by a script."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.responses import Response, StreamingResponse

from agentcore_emulator.clock import Clock
from agentcore_emulator.models import conversation, generation, rulefile, validation
from agentcore_emulator.models.generation import Generation
from agentcore_emulator.models.rules import Pacing
from agentcore_emulator.wire import eventstream

__all__ = ["ModelPlane"]

_log = logging.getLogger(__name__)


class ModelPlane:
    """Answers Converse and ConverseStream by rules, the same for every model id.

    `rules` are rule files that are tried before the built-in rules, the first one first. Raises RuleFileError (a
    ValueError of one sentence) for a file that cannot be used. The same request gets the same answer, byte by byte but
    for `latencyMs`; `clock` paces it.
    """

    services = ("bedrock-runtime",)

    def __init__(self, rules: Sequence[Path] = (), clock: Clock | None = None) -> None:
        self._script = rulefile.load(rules)
        self._clock = clock or Clock()

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Mapping[str, Any] | Response]]]:
        """Handlers by the operation's name in the botocore model."""
        return {"Converse": self.converse, "ConverseStream": self.converse_stream}

    async def converse(self, parsed: dict[str, Any]) -> dict[str, Any]:
        """Answer in one piece, after as long as the stream of the same answer takes. Raises ValidationException."""
        began = self._clock.monotonic()
        generated, pacing = self._generate(parsed)
        if generated.output_tokens:
            await self._clock.sleep(pacing.first_token + (generated.output_tokens - 1) * pacing.per_token)
        return generated.response(self._since(began))

    async def converse_stream(self, parsed: dict[str, Any]) -> StreamingResponse:
        """Answer as an event stream, one frame per token, each sent when it is due.

        Raises ValidationException before the stream begins.
        """
        began = self._clock.monotonic()
        generated, pacing = self._generate(parsed)
        await eventstream.prepare()
        return StreamingResponse(self._frames(generated, pacing, began), media_type=eventstream.CONTENT_TYPE)

    def _generate(self, parsed: Mapping[str, Any]) -> tuple[Generation, Pacing]:
        validation.check(parsed)
        prompt = conversation.read(parsed)
        reply = self._script.reply(prompt)
        if reply.rule is None:
            _log.info("scripted model: no rule matches %.80r", prompt.user)
        return generation.generate(reply, parsed), reply.pacing

    async def _frames(self, generated: Generation, pacing: Pacing, began: float) -> AsyncIterator[bytes]:
        delay = pacing.first_token
        for piece in generated.opening():
            if piece.is_token:
                # For no time too: a long answer must not keep other sessions from the event loop.
                await self._clock.sleep(delay)
                delay = pacing.per_token
            yield eventstream.event(piece.event, piece.payload)
        last = generated.closing(self._since(began))
        yield eventstream.event(last.event, last.payload)

    def _since(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)
