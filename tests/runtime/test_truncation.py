from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.truncation import LIMIT
from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from tests.runtime.conftest import Caller

AGENTS = """
agents:
  agent: {entrypoint: agent.py}
  mcp: {entrypoint: mcp.py, aws: {protocol_configuration: {server_protocol: MCP}}}
"""


@pytest.fixture(scope="module", params=["strict", "warn"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def callers(
    level: str, tmp_path_factory: pytest.TempPathFactory, puppet: str, make_caller: Any
) -> Iterator[dict[str, Caller]]:
    folder = tmp_path_factory.mktemp("agents")
    (folder / ".bedrock_agentcore.yaml").write_text(AGENTS)
    (folder / "agent.py").write_text(puppet)
    (folder / "mcp.py").write_text(puppet.replace("8080", "8000"))
    with EmulatorProcess(folder, "--quirks", f"truncation={level}") as emulator:
        yield {each["name"]: make_caller(emulator, arn=each["arn"]) for each in emulator.info["runtimes"]}


def stream(size: int, kind: str) -> str:
    """The puppet's answer of `size` bytes in chunks of 500."""
    return f"""
        self.stream({kind!r})
        for start in range(0, {size}, 500):
            self.chunk(b"x" * min(500, {size} - start))
        self.chunk(b"")
    """


def findings(caller: Caller, session: str) -> list[str]:
    return [line for line in caller.log(session) if line.startswith("quirk truncation")]


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_short_answer_is_left_alone(callers: dict[str, Caller], session: str, size: int, chunked: bool) -> None:
    caller = callers["agent"]
    code = stream(size, "application/json") if chunked else f"answer(b'x' * {size})"
    assert caller.call(session, code)["response"].read() == b"x" * size
    assert findings(caller, session) == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_answer(callers: dict[str, Caller], session: str, level: str, chunked: bool) -> None:
    caller = callers["agent"]
    code = stream(3000, "application/json") if chunked else "answer(b'x' * 3000)"
    answer = caller.call(session, code)
    pieces = list(answer["response"])
    length = answer["ResponseMetadata"]["HTTPHeaders"].get("content-length")
    if level == "strict":
        assert [len(piece) for piece in pieces] == [LIMIT]
        assert length == (None if chunked else "1024")
    else:
        assert [len(piece) for piece in pieces] == [LIMIT, LIMIT, 3000 - 2 * LIMIT]
        assert length == (None if chunked else "3000")
    [finding] = findings(caller, session)
    did = "was cut to" if level == "strict" else "is more than the first piece of"
    assert re.search(rf"agent\.py: the answer of 3,000 bytes {did} 1,024 bytes; stream it", finding)


@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8"])
def test_a_stream_is_never_cut(callers: dict[str, Caller], session: str, kind: str) -> None:
    caller = callers["agent"]
    assert len(caller.call(session, stream(3000, kind))["response"].read()) == 3000
    assert findings(caller, session) == []


def test_other_protocols_are_never_cut(callers: dict[str, Caller], session: str) -> None:
    caller = callers["mcp"]
    accept = "application/json, text/event-stream"
    answer = caller.call(session, "answer(b'x' * 3000)", accept=accept, mcpSessionId=session)
    assert len(answer["response"].read()) == 3000
    assert findings(caller, session) == []


def test_off_says_nothing(caller: Caller, session: str) -> None:
    assert [len(piece) for piece in caller.call(session, "answer(b'x' * 3000)")["response"]] == [1024, 1024, 952]
    assert findings(caller, session) == []
