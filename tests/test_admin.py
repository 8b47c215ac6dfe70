from __future__ import annotations

from typing import Any

import httpx

import agentcore_emulator
from agentcore_emulator.testing import EmulatorProcess, new_session


def test_info(emulator: EmulatorProcess) -> None:
    info = httpx.get(f"{emulator.url}/_emulator/info").json()
    assert info["url"] == emulator.url
    assert info["version"] == agentcore_emulator.__version__
    assert info["region"] == "us-east-1"
    assert info["account_id"] == "123456789012"
    assert info["default_arn"] == info["runtimes"][0]["arn"]
    assert info["runtimes"][0]["protocol"] == "HTTP"
    assert set(info["quirks"].values()) == {"off"}
    assert info["environment"]["AWS_ENDPOINT_URL"] == emulator.url
    assert info["environment"]["AGENTCORE_RUNTIME_ARN"] == info["default_arn"]


def test_sessions(emulator: EmulatorProcess) -> None:
    client = emulator.client("bedrock-agentcore")
    first, second = new_session(), new_session()

    def listed() -> list[dict[str, Any]]:
        found = httpx.get(f"{emulator.url}/_emulator/sessions").json()["sessions"]
        return [each for each in found if each["session_id"] in (first, second)]

    assert listed() == []
    for session in (first, second):
        answer = client.invoke_agent_runtime(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b'{"mode": "ping"}'
        )
        answer["response"].read()
    found = listed()
    assert [each["session_id"] for each in found] == [first, second]
    assert found[0]["runtime"] == emulator.info["runtimes"][0]["name"]
    assert found[0]["endpoint"] == "DEFAULT"
    assert found[0]["state"] == "Idle"
    assert found[0]["in_flight"] == 0
    assert found[0]["created"] <= found[0]["last_used"] <= found[1]["last_used"]
    assert f"started, pid {found[0]['pid']}" in found[0]["log"]
    assert found[0]["pid"] != found[1]["pid"]
    client.stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=first)
    assert [each["session_id"] for each in listed()] == [second]


def test_nothing_can_be_changed(emulator: EmulatorProcess) -> None:
    for path in ("info", "sessions"):
        assert httpx.post(f"{emulator.url}/_emulator/{path}", json={}).status_code == 405
