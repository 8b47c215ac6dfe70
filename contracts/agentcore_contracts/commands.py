"""Commands in an agent's sessions (`InvokeAgentRuntimeCommand`), as a contract runs them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, EventStreamError

from agentcore_contracts.runtime import AgentCore

__all__ = ["Result", "begin", "gathered", "run"]


class Result(NamedTuple):
    """What a command printed to each stream, and how it stopped; None if it was cut off."""

    stdout: str
    stderr: str
    stop: dict[str, Any] | None


def begin(agentcore: AgentCore, command: str, session: str, **body: Any) -> Generator[dict[str, Any], None, None]:
    """Start a command; the chunks of its stream as they come. Closing the generator hangs up.

    `body` are further members of the request's body: `timeout`. Raises what boto3 raises.
    """
    answer = agentcore.client.invoke_agent_runtime_command(
        agentRuntimeArn=agentcore.arn, runtimeSessionId=session, body={"command": command, **body}
    )
    assert answer["runtimeSessionId"] == session

    def chunks() -> Generator[dict[str, Any], None, None]:
        with closing(answer["stream"]) as stream:
            for event in stream:
                yield event["chunk"]

    return chunks()


def gathered(chunks: Iterator[dict[str, Any]]) -> Result:
    """All that comes until the end, be that clean or a break."""
    printed = {"stdout": "", "stderr": ""}
    stop = None
    with contextlib.suppress(EventStreamError, BotoCoreError):
        for chunk in chunks:
            for stream, text in chunk.get("contentDelta", {}).items():
                printed[stream] += text
            stop = chunk.get("contentStop", stop)
    return Result(printed["stdout"], printed["stderr"], stop)


def run(agentcore: AgentCore, command: str, session: str, **body: Any) -> Result:
    """Run a command to its end."""
    return gathered(begin(agentcore, command, session, **body))
