from __future__ import annotations

import json
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
    assert info["runtimes"][0]["platform"] == "V1"
    assert info["runtimes"][0]["isolation"] in ("namespaces", "plain")
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


def test_what_only_reads_takes_no_changes(emulator: EmulatorProcess) -> None:
    for path in ("info", "sessions", "clock"):
        assert httpx.post(f"{emulator.url}/_emulator/{path}", json={}).status_code == 405


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[EmulatorProcess]:
    """An emulator of the puppet's whose clock stands still."""
    file = tmp_path_factory.mktemp("virtual") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--clock", "virtual", "--idle-timeout", "60", "--max-lifetime", "600") as process:
        yield process


def post(emulator: EmulatorProcess, path: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{emulator.url}/_emulator/{path}", content=content)


def invoke(emulator: EmulatorProcess, session: str, arn: str = "") -> int:
    """How often the puppet in `session` has been called; 0 for the reference agent, which is pinged."""
    answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=arn or emulator.arn, runtimeSessionId=session, payload=b'{"mode": "ping"}'
    )
    said = json.load(answer["response"])
    return int(said["count"]) if isinstance(said, dict) else 0


def test_a_virtual_clock_stands_still_until_it_is_advanced(virtual: EmulatorProcess) -> None:
    before = httpx.get(f"{virtual.url}/_emulator/clock").json()
    assert before["virtual"] is True
    after = post(virtual, "clock/advance", b'{"seconds": 12.5}').json()
    assert after == {"time": before["time"] + 12.5, "virtual": True}
    assert httpx.get(f"{virtual.url}/_emulator/clock").json() == after


def test_the_systems_clock_can_be_advanced_too(emulator: EmulatorProcess) -> None:
    before = httpx.get(f"{emulator.url}/_emulator/clock").json()
    assert before["virtual"] is False
    after = post(emulator, "clock/advance", b'{"seconds": 1}').json()
    assert after["time"] >= before["time"] + 1


def test_an_advance_ends_what_is_idle_and_tells_why(virtual: EmulatorProcess) -> None:
    session = new_session()
    assert [invoke(virtual, session), invoke(virtual, session)] == [1, 2]
    post(virtual, "clock/advance", b'{"seconds": 59}')
    assert invoke(virtual, session) == 3
    began = httpx.get(f"{virtual.url}/_emulator/clock").json()["time"]
    post(virtual, "clock/advance", b'{"seconds": 300}')
    found = httpx.get(f"{virtual.url}/_emulator/sessions").json()
    assert session not in [each["session_id"] for each in found["sessions"]]
    ended = next(each for each in found["ended"] if each["session_id"] == session)
    assert (ended["state"], ended["reason"], ended["ended"]) == ("Stopped", "idle for 60 s", began + 60)
    assert "stopping: idle for 60 s" in ended["log"]
    assert invoke(virtual, session) == 1, "the id may be used again, and starts cold"


def test_a_redeploy_is_for_new_sessions(virtual: EmulatorProcess) -> None:
    old, new = new_session(), new_session()
    invoke(virtual, old)
    number = post(virtual, "redeploy", b"").json()["versions"]["agent"]
    assert invoke(virtual, old) == 2
    invoke(virtual, new)
    versions = {each["session_id"]: each["version"] for each in virtual.sessions()}
    assert (versions[old], versions[new]) == (number - 1, number)
    assert post(virtual, "redeploy", b'{"runtime": "agent"}').json() == {"versions": {"agent": number + 1}}


def test_a_redeploy_that_fails_leaves_things_as_they_were(tmp_path: Path, puppet: str) -> None:
    file = tmp_path / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file) as emulator:
        session = new_session()
        invoke(emulator, session)
        file.write_text("def (", encoding="utf-8")
        answer = post(emulator, "redeploy", b"{}")
        assert answer.status_code == 409
        assert f"{file}:1" in answer.json()["message"]
        assert invoke(emulator, session) == 2
        assert [each["version"] for each in emulator.sessions()] == [1]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("clock/advance", b"", 'say by how much to advance the clock, as in {"seconds": 900}'),
        ("clock/advance", b'{"seconds": true}', "say by how much"),
        ("clock/advance", b'{"seconds": "900"}', "say by how much"),
        ("clock/advance", b'{"seconds": -1}', "a clock moves ahead by 0 to"),
        ("clock/advance", b'{"seconds": 1e999}', "a clock moves ahead by 0 to"),
        ("clock/advance", b'{"seconds": NaN}', "a clock moves ahead by 0 to"),
        ("clock/advance", b'{"seconds": 1' + b"0" * 400 + b"}", "too large"),
        ("clock/advance", b"[" * 60_000, "the body is not JSON"),
        ("clock/advance", b"[]", "the body is not a JSON object"),
        ("clock/advance", b"\xff", "the body is not JSON"),
        ("clock/advance", b" " * 70_000, "the body is larger than 65536 bytes"),
        ("redeploy", b'{"runtime": "other"}', "there is no agent runtime 'other'"),
    ],
)
def test_what_is_refused(virtual: EmulatorProcess, path: str, content: bytes, message: str) -> None:
    answer = post(virtual, path, content)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_page_of_another_site_moves_no_clock(virtual: EmulatorProcess) -> None:
    answer = httpx.post(
        f"{virtual.url}/_emulator/clock/advance", content=b'{"seconds": 1}', headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


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


def test_the_microvm_of_a_session_is_killed(emulator: EmulatorProcess) -> None:
    session = f"{new_session()}/with/slashes"
    url = f"{emulator.url}/_emulator/sessions/{session}/kill"
    assert httpx.post(url).status_code == 404
    invoke(emulator, session)
    pid = emulator.session(session)["pid"]
    assert pid is not None
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
