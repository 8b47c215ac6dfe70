from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.config import Config

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


# Faults


@pytest.fixture
def faults(emulator: EmulatorProcess) -> Iterator[str]:
    """The address of the shared emulator's faults, which are all taken back."""
    url = f"{emulator.url}/_emulator/faults"
    yield url
    httpx.delete(url)


def test_faults_come_and_go(faults: str) -> None:
    one = {"fault": "throttle", "operation": "InvokeAgentRuntime", "times": 2, "session": "nobody's"}
    two: list[dict[str, Any]] = [
        {"fault": "hang", "session": "nobody's"},
        {"fault": "kill", "rate": 0, "after_bytes": 5},
    ]
    answer = httpx.post(faults, json=one)
    assert answer.status_code == 201
    [first] = answer.json()["ids"]
    second, third = httpx.post(faults, json=two).json()["ids"]
    assert httpx.get(faults).json() == {
        "faults": [
            {"id": first, **one, "used": 0},
            {"id": second, **two[0], "used": 0},
            {"id": third, **two[1], "used": 0},
        ]
    }
    assert httpx.delete(f"{faults}/{second}").status_code == 204
    assert [each["id"] for each in httpx.get(faults).json()["faults"]] == [first, third]
    again = httpx.delete(f"{faults}/{second}")
    assert again.status_code == 404
    assert again.json()["message"].startswith(f"there is no fault {second}; ")
    assert httpx.delete(f"{faults}/second").status_code == 404
    assert httpx.delete(faults).status_code == 204
    assert httpx.get(faults).json() == {"faults": []}
    assert httpx.post(faults, json=[]).json() == {"ids": []}


def test_how_often_a_fault_has_struck(emulator: EmulatorProcess, faults: str) -> None:
    httpx.post(faults, json={"fault": "throttle", "operation": "ListMemories", "times": 2})
    client = emulator.client("bedrock-agentcore-control", config=Config(retries={"total_max_attempts": 1}))
    for used in (1, None):
        with pytest.raises(client.exceptions.ThrottledException):
            client.list_memories()
        assert [each["used"] for each in httpx.get(faults).json()["faults"]] == ([used] if used else [])
    client.list_memories()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is not JSON: line 1, column 1: Expecting value"),
        (b'{"fault": \n nope}', "the body is not JSON: line 2, column 2: Expecting value"),
        (b"\xff\xfe\xff", "the body is not JSON that can be read"),
        (b"[" * 60_000, "the body is not JSON that can be read"),
        (b'{"fault": "kill", "times": 1' + b"0" * 5000 + b"}", "the body is not JSON that can be read"),
        (b" " * 70_000, "the body is larger than 65536 bytes"),
        (b'"kill"', "a fault is a mapping, such as {fault: throttle, operation: InvokeAgentRuntime, times: 2}"),
        (b'{"fault": "kill", "times": 0}', "'times': 0 is not a whole number of calls, 1 or more"),
        (
            b'[{"fault": "kill"}, {"fault": "hang", "rate": NaN}]',
            "fault 2 of the list: 'rate': nan is not a number from 0.0 to 1.0",
        ),
        (b"[[]]", "fault 1 of the list: a fault is a mapping, such as {fault: throttle, operation: InvokeAgentRuntime"),
    ],
)
def test_what_is_no_fault_changes_nothing(faults: str, content: bytes, message: str) -> None:
    answer = httpx.post(faults, content=content)
    assert answer.status_code == 400
    assert answer.json().keys() == {"message"}
    assert answer.json()["message"].startswith(message)
    assert httpx.get(faults).json() == {"faults": []}


# Killing what lives


def invoke(emulator: EmulatorProcess, session: str, arn: str = "") -> None:
    client = emulator.client("bedrock-agentcore")
    answer = client.invoke_agent_runtime(
        agentRuntimeArn=arn or emulator.arn, runtimeSessionId=session, payload=b'{"mode": "ping"}'
    )
    answer["response"].read()


def test_the_microvm_of_a_session_is_killed(emulator: EmulatorProcess) -> None:
    session = f"{new_session()}/with/slashes"
    url = f"{emulator.url}/_emulator/sessions/{session}/kill"
    assert httpx.post(url).status_code == 404
    invoke(emulator, session)
    [pid] = [each["pid"] for each in emulator.sessions() if each["session_id"] == session]
    answer = httpx.post(url)
    assert (answer.status_code, answer.json()) == (200, {"pid": pid})
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    answer = httpx.post(url)
    assert answer.status_code == 404
    assert answer.json()["message"].startswith(f"no session '{session}' is live; ")
    assert f"{session}] its microVM is killed by POST /_emulator/sessions" in emulator.log
    invoke(emulator, session)


def test_two_agents_may_have_a_session_of_one_id(write_agent: Callable[[str], Path], puppet: str) -> None:
    file = write_agent(puppet)
    (file.parent / ".bedrock_agentcore.yaml").write_text(
        "agents:\n  one: {entrypoint: agent.py}\n  two: {entrypoint: agent.py}\n"
    )
    session = new_session()
    with EmulatorProcess(file.parent, "--quirks", "off") as emulator:
        url = f"{emulator.url}/_emulator/sessions/{session}/kill"
        for runtime in emulator.info["runtimes"]:
            invoke(emulator, session, runtime["arn"])
        answer = httpx.post(url)
        assert answer.status_code == 400
        assert (
            answer.json()["message"] == f"'one' and 'two' each have a session '{session}'; name one with ?runtime=NAME"
        )
        assert httpx.post(url, params={"runtime": "three"}).status_code == 404
        pids = {each["runtime"]: each["pid"] for each in emulator.sessions()}
        assert httpx.post(url, params={"runtime": "two"}).json() == {"pid": pids["two"]}
        assert httpx.post(url).json() == {"pid": pids["one"]}
