"""A conversational agent with a calculator and a two-tier memory, on Amazon Bedrock AgentCore Runtime.

Everything that differs between AWS and an emulator is in the environment:

    BEDROCK_AGENTCORE_MEMORY_ID   the AgentCore Memory resource; without it there is only RAM
    AWS_REGION                    the region of the memory and the model
    MODEL_ID                      a Bedrock model, if not Strands' default
"""
# ruff: noqa: E402 - the clock starts before the imports, whose cost is what init_ms is about

from __future__ import annotations

import time

_STARTED = time.perf_counter()

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from bedrock_agentcore.runtime import BedrockAgentCoreApp, RequestContext
from botocore.exceptions import BotoCoreError, ClientError
from calculator import calculator
from durable_memory import DurableMemory, Scope, scope_of
from metadata import WIRE_LIMIT, fit, tag, wire_size
from payload import PayloadError, read, wants_stream
from strands import Agent
from strands.models import BedrockModel
from strands.types.exceptions import (
    ContextWindowOverflowException,
    EventLoopException,
    MaxTokensReachedException,
    ModelThrottledException,
)
from two_tier_memory import Recollection, Turn, TwoTierMemory, messages, whole_turns

Event = dict[str, Any]
Meta = dict[str, str | int]

SYSTEM_PROMPT = (
    "You are a friendly assistant who answers briefly. For every arithmetic question use the calculator, then state "
    "the whole calculation with its result, as in '14 + 34 = 48'. Earlier messages may come from an earlier session of "
    "the same user: use what they say when the user refers to it."
)

# What may go wrong between the agent and its model without being a fault of this code.
MODEL_ERRORS = (
    BotoCoreError,
    ClientError,
    ContextWindowOverflowException,
    EventLoopException,
    MaxTokensReachedException,
    ModelThrottledException,
)
MEMORY_ERRORS = (BotoCoreError, ClientError)

MEMORY_OFF = "There is no durable memory: BEDROCK_AGENTCORE_MEMORY_ID is not set."
LINE_WIDTH = 80

app = BedrockAgentCoreApp()

# Module globals live as long as the microVM: the second call of a session finds them as the first one left them.
_invocations = itertools.count(1)


@cache
def _model() -> BedrockModel:
    region = os.environ.get("AWS_REGION")
    model_id = os.environ.get("MODEL_ID")
    return BedrockModel(region_name=region, model_id=model_id) if model_id else BedrockModel(region_name=region)


@cache
def _durable() -> DurableMemory | None:
    memory_id = os.environ.get("BEDROCK_AGENTCORE_MEMORY_ID")
    return DurableMemory(memory_id, os.environ.get("AWS_REGION")) if memory_id else None


@cache
def _memory() -> TwoTierMemory:
    return TwoTierMemory(_durable())


@app.entrypoint
def invoke(payload: Any, context: RequestContext) -> str | AsyncIterator[Event]:
    """Answers one invocation: with a string, or with a generator, which the SDK sends as server-sent events.

    It is a plain function on purpose. With a `yield` in it, it would return a generator whatever was asked for.
    """
    count = next(_invocations)
    session_id = context.session_id or "local"
    meta: Meta = {
        "cache": "cold" if count == 1 else "warm",
        "invocation_count": count,
        "init_ms": INIT_MS,
        # 100 characters are what a session id of an answer may have (botocore model); more would crowd out the text.
        "session_id": session_id[:100],
        "memory_source": "none",
        "memory": "on" if _durable() else "off",
    }
    try:
        request = read(payload)
    except PayloadError as error:
        return _deliver(str(error), {**meta, "error": "payload"}, stream=wants_stream(payload))
    scope = scope_of(request.user_id, request.memory_session_id)
    meta["mode"] = request.mode
    if request.mode == "chat":
        recollection = _memory().recall(session_id, scope)
        turn = _memory().begin_turn(session_id, scope)
        return (_chat_stream if request.stream else _chat_whole)(request.prompt, recollection, turn, meta)
    if request.mode == "memory_query":
        text = _memory_query(scope, meta)
    elif request.mode == "forget":
        text = _forget(scope, meta)
    else:
        text = f"pong ({meta['cache']})"
    return _deliver(text, meta, stream=request.stream)


def _deliver(text: str, meta: Meta, *, stream: bool) -> str | AsyncIterator[Event]:
    return _as_stream(text, meta) if stream else fit(text, meta)


async def _as_stream(text: str, meta: Meta) -> AsyncIterator[Event]:
    yield {"type": "error" if "error" in meta else "text", "text": text}
    yield {"type": "meta", **meta}


def _chat_whole(prompt: str, recollection: Recollection, turn: Turn, meta: Meta) -> str:
    async def collect() -> str:
        events = _chat_stream(prompt, recollection, turn, meta)
        return "".join([event["text"] async for event in events if event["type"] != "meta"])

    return fit(asyncio.run(collect()), meta)


async def _chat_stream(prompt: str, recollection: Recollection, turn: Turn, meta: Meta) -> AsyncIterator[Event]:
    """Text as the model writes it, then the metadata, by which time every message of the turn is durable.

    Events are yielded as objects: the SDK encodes each one, and a string of JSON would be encoded twice.
    """
    meta["memory_source"] = recollection.source
    if recollection.problem is not None:
        _memory_failed("read", recollection.problem, meta)
    # What the model says before and after a tool call, or an error after some text, must not run together.
    said, gap = False, ""
    try:
        agent = Agent(
            model=await asyncio.to_thread(_model),  # loading botocore's model takes a while, and /ping must be answered
            system_prompt=SYSTEM_PROMPT,
            messages=messages(recollection.turns),
            tools=[calculator],
            hooks=[turn],
            callback_handler=None,
        )
        async for event in agent.stream_async(prompt):
            if "data" in event:
                yield {"type": "text", "text": gap + event["data"]}
                said, gap = True, ""
            elif said and "message" in event:
                gap = "\n"
    except MODEL_ERRORS as error:
        app.logger.warning("The model gave no answer: %s", error)
        meta["error"] = "model"
        yield {"type": "error", "text": ("\n" if said else "") + f"The model gave no answer: {error}"}
    try:
        await asyncio.to_thread(turn.finish)
    except MEMORY_ERRORS as error:
        _memory_failed("written", error, meta)
    yield {"type": "meta", **meta}


def _memory_query(scope: Scope, meta: Meta) -> str:
    """What AgentCore Memory holds of the thread, each message cut to a line, the oldest left out if need be."""
    durable = _durable()
    if durable is None:
        return MEMORY_OFF
    try:
        turns = whole_turns(durable.load(scope))
    except MEMORY_ERRORS as error:
        return _memory_failed("read", error, meta)
    if not turns:
        return "AgentCore Memory holds nothing of this conversation."
    meta.update(memory_source="durable", turns=len(turns) // 2)
    lines = [f"{turn.role.lower()}: {_line(turn.text)}" for turn in turns]
    while wire_size("\n".join(lines) + tag(meta)) > WIRE_LIMIT:
        del lines[0]
    return "\n".join(lines)


def _forget(scope: Scope, meta: Meta) -> str:
    try:
        forgotten = _memory().forget(scope)
    except MEMORY_ERRORS as error:
        return _memory_failed("emptied", error, meta)
    meta["forgotten"] = forgotten
    return f"This conversation is forgotten; AgentCore Memory held {forgotten} messages of it."


def _memory_failed(what: str, error: ClientError | BotoCoreError, meta: Meta) -> str:
    app.logger.warning("AgentCore Memory could not be %s: %s", what, error)
    meta["memory"] = "failed"
    return f"AgentCore Memory could not be {what}: {error}"


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LINE_WIDTH else flat[: LINE_WIDTH - 1] + "…"


INIT_MS = round((time.perf_counter() - _STARTED) * 1000)

if __name__ == "__main__":
    app.run()
