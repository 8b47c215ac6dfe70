"""Payloads of any size, and answers that do not come."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

if TYPE_CHECKING:
    from agentcore_emulator.testing import EmulatorClock

_MOST = 100_000_000
_SYNCHRONOUS_SECONDS = 15 * 60


@contract(
    "RT-025",
    title="A payload of megabytes reaches the agent whole, and so does such an answer its client",
    evidence="aws-docs",
    source="AWS developer guide, 'Quotas': a payload has 100 MB at most",
)
def test_large_payloads(agentcore: AgentCore, warm_session: str) -> None:
    """Four million characters, eight million bytes of JSON."""
    value = "é€" * 2_000_000
    payload = json.dumps({"do": "echo", "value": value}, ensure_ascii=False).encode()
    assert agentcore.invoke(payload, warm_session).raw == f'"{value}"'.encode()
    size = json.dumps({"do": "size", "value": value}, ensure_ascii=False).encode()
    assert agentcore.invoke(size, warm_session).json == len(value)


@contract(
    "RT-026",
    title="A payload of more than 100,000,000 bytes is refused with 400 ValidationException, before the agent sees it",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, InvokeAgentRuntimeRequest.payload",
)
def test_too_large_payloads(agentcore: AgentCore, session: str) -> None:
    """The entrypoint's counter does not move."""
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    with pytest.raises(agentcore.client.exceptions.ValidationException):
        agentcore.invoke(b'"%b"' % bytes(_MOST), session)
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "RT-066",
    title="A call that has no answer yet is answered with 424 when the agent crashes meanwhile",
    evidence="aws-docs",
    source="AWS developer guide, 'Troubleshoot AgentCore Runtime'",
)
def test_a_crash_beside_an_unanswered_call(agentcore: AgentCore, session: str) -> None:
    """The crash is another call's, which is answered likewise."""
    with ThreadPoolExecutor(1) as threads:
        agentcore.invoke({"do": "count"}, session)
        call = threads.submit(agentcore.invoke, {"do": "hold", "gate": "never"}, session)
        assert agentcore.invoke({"do": "arrival", "gate": "never"}, session).json == {"arrived": True}
        with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
            agentcore.invoke({"do": "crash", "status": 3}, session)
        with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
            call.result()
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1


@contract(
    "RT-067",
    title="A call that is not answered within 15 minutes is answered with 504, and its session lives on",
    evidence="aws-docs",
    source="AWS developer guide, 'Troubleshoot AgentCore Runtime' and 'Quotas'",
)
def test_no_answer_in_time(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """The agent still waits, as it finds out when its gate is opened."""
    with ThreadPoolExecutor(1) as threads:
        agentcore.invoke({"do": "count"}, session)
        call = threads.submit(agentcore.invoke, {"do": "hold", "gate": "late"}, session)
        agentcore.invoke({"do": "arrival", "gate": "late"}, session)
        clock.advance(_SYNCHRONOUS_SECONDS + 60)
        with pytest.raises(ClientError) as raised:
            call.result()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 504
    assert agentcore.invoke({"do": "release", "gate": "late"}, session).json == {"passed": False}
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 5


@contract(
    "RT-069",
    title="A call that takes ten minutes is answered",
    evidence="aws-docs",
    source="AWS developer guide, 'Quotas': a synchronous request has 15 minutes",
)
def test_an_answer_in_time(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """The idle time of its session does not begin before."""
    with ThreadPoolExecutor(1) as threads:
        agentcore.invoke({"do": "count"}, session)
        call = threads.submit(agentcore.invoke, {"do": "hold", "gate": "slow"}, session)
        agentcore.invoke({"do": "arrival", "gate": "slow"}, session)
        clock.advance(_SYNCHRONOUS_SECONDS - 300)
        agentcore.invoke({"do": "release", "gate": "slow"}, session)
        assert call.result().json == {"released": True}
