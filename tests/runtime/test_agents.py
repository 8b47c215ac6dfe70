from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.runtime.agents import CONTRACTS, Agents
from agentcore_emulator.runtime.journal import Journal

if TYPE_CHECKING:
    from tests.conftest import Laboratory

ACCOUNT = "123456789012"


@pytest.fixture
async def two(laboratory: Laboratory) -> Agents:
    arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/"
    return Agents(
        [
            await laboratory.agent(name=name, runtime_id=f"{name}-0123456789", arn=f"{arn}{name}-0123456789")
            for name in ("first", "second")
        ],
        ACCOUNT,
    )


async def test_in_the_order_of_registration(two: Agents) -> None:
    assert [agent.runtime.name for agent in two] == ["first", "second"]


async def test_by_arn_and_by_id(two: Agents) -> None:
    for agent in two:
        assert two.find(agent.runtime.arn, None, None) is agent
        assert two.find(agent.runtime.arn, "999999999999", "DEFAULT") is agent, "an ARN names the account itself"
        assert two.find(agent.runtime.runtime_id, ACCOUNT, None) is agent


async def test_whose_protocol(laboratory: Laboratory) -> None:
    agent = await laboratory.agent(protocol="MCP")
    agents = Agents([agent], ACCOUNT)
    assert agents.protocol(agent.runtime.arn) == agents.protocol(agent.runtime.runtime_id) == "MCP"
    assert agents.protocol("other-0123456789") == "HTTP"


async def test_an_endpoint_may_have_an_agent_of_its_own(laboratory: Laboratory) -> None:
    first, second = await laboratory.agent(version=1), await laboratory.agent(version=2, protocol="MCP")
    arn = first.runtime.arn
    agents = Agents([first], ACCOUNT)
    agents.put(second, "PROD")
    assert agents.find(arn, None, "PROD") is agents.find(first.runtime.runtime_id, ACCOUNT, "PROD") is second
    assert agents.find(arn, None, None) is first
    assert (agents.protocol(arn), agents.protocol(arn, "PROD")) == ("HTTP", "MCP")
    assert agents.endpoints(arn) == ["DEFAULT", "PROD"]
    agents.put(second)
    assert list(agents) == [second], "of each runtime the one behind DEFAULT"
    agents.remove(arn, "PROD")
    assert [second.called_by(name) for name in ("DEFAULT", "PROD")] == [True, False]
    agents.put(second, "PROD")
    assert second.called_by("PROD")
    for name in agents.endpoints(arn):
        agents.remove(arn, name)
    with pytest.raises(ResourceNotFoundException, match="No agent runtime found"):
        agents.find(arn, None, None)
    assert agents.endpoints(arn) == []
    assert list(agents) == []
    first.leave()
    assert not first.called_by("DEFAULT")


async def test_a_runtime_may_say_where_its_server_is(laboratory: Laboratory, puppet: str) -> None:
    agent = await laboratory.agent(puppet.replace("8080", "8181"), port=8181, path="/here", version=7)
    assert (agent.port, agent.path, agent.versions.current.number) == (8181, "/here", 7)
    await (await laboratory.start(agent)).ready()


async def test_not_found(two: Agents) -> None:
    known = next(iter(two)).runtime
    for name, account in ((known.arn + "x", None), ("other-0123456789", ACCOUNT), (known.runtime_id, "999999999999")):
        with pytest.raises(ResourceNotFoundException, match="No agent runtime found"):
            two.find(name, account, None)
    with pytest.raises(ResourceNotFoundException, match="qualifier PROD"):
        two.find(known.arn, None, "PROD")
    with pytest.raises(ValidationException, match="accountId is required"):
        two.find(known.runtime_id, None, None)


@pytest.mark.parametrize(
    ("protocol", "port", "path"),
    [("HTTP", 8080, "/invocations"), ("MCP", 8000, "/mcp"), ("A2A", 9000, "/"), ("AGUI", 8080, "/invocations")],
)
async def test_the_contract_of_each_protocol(laboratory: Laboratory, protocol: str, port: int, path: str) -> None:
    agent = await laboratory.agent(protocol=protocol)
    assert (agent.port, agent.path) == (port, path)
    assert CONTRACTS[protocol].port == port


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize(("protocol", "port"), [("MCP", 8000), ("A2A", 9000)])
async def test_the_port_of_the_protocol_is_what_is_served(
    laboratory: Laboratory, puppet: str, kind: str, protocol: str, port: int
) -> None:
    agent = await laboratory.agent(puppet.replace("8080", str(port)), protocol=protocol, kind=kind)
    microvm = await laboratory.start(agent)
    await microvm.ready()


async def test_findings_of_the_guest_go_to_the_journal(laboratory: Laboratory) -> None:
    agent = await laboratory.agent(
        """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def handle(payload):
            return payload["a"]
        app.run()
        """,
        quirks="warn",
    )
    journal = Journal("test")
    microvm = await laboratory.start(agent, journal)
    await microvm.ready()
    status, body = await laboratory.post(microvm, json.dumps({"a": 1}).encode())
    assert (status, body) == (200, b"1")
    await microvm.stop(1)
    [line] = [line for line in journal.lines if line.startswith("quirk payload-type: ")]
    assert line.startswith(f"quirk payload-type: {agent.runtime.entrypoint}:6: payload[…] fails where the payload is")
