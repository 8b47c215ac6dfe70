"""The body of an answer in the client's hands: botocore's pieces of 1,024 bytes, which are not the whole."""

from __future__ import annotations

import json
from contextlib import closing

from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_BOTOCORE = "botocore 1.44 response.py, StreamingBody._DEFAULT_CHUNK_SIZE and __iter__"


@contract(
    "RT-050",
    title="Iterating over `response` gives pieces of 1,024 bytes and a rest, which together are the whole answer",
    evidence="sdk-source",
    source=_BOTOCORE,
)
@given(size=st.integers(0, 20_000))
@example(size=1022)
@example(size=1023)
@example(size=2998)
def test_pieces_of_an_answer(agentcore: AgentCore, warm_session: str, size: int) -> None:
    """A client that takes the first piece for the answer sees it truncated; nothing is missing on the wire."""
    pieces = _pieces(agentcore, warm_session, {"do": "text", "size": size})
    assert all(len(piece) == 1024 for piece in pieces[:-1])
    assert len(pieces[-1]) <= 1024
    whole = json.loads(b"".join(pieces))
    assert len(whole) == size
    assert whole == agentcore.invoke({"do": "text", "size": size}, warm_session).json


@contract(
    "RT-051",
    title="The pieces are of 1,024 bytes also when the agent sends its answer in pieces of its own",
    evidence="sdk-source",
    source=_BOTOCORE,
    since="1.4.4",
)
def test_pieces_of_pieces(agentcore: AgentCore, session: str) -> None:
    """A piece is no chunk, no event and no line of the agent's."""
    pieces = _pieces(agentcore, session, {"do": "pieces", "count": 5, "size": 700})
    assert [len(piece) for piece in pieces] == [1024, 1024, 1024, 428]
    assert b"".join(pieces) == b"".join((b"%07d " % n * 700)[:700] for n in range(5))


def _pieces(agentcore: AgentCore, session: str, payload: object) -> list[bytes]:
    response = agentcore.client.invoke_agent_runtime(
        agentRuntimeArn=agentcore.arn, runtimeSessionId=session, payload=json.dumps(payload).encode()
    )
    with closing(response["response"]) as body:
        return list(body)
