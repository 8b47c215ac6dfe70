from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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


def invoke(emulator: EmulatorProcess, session: str) -> int:
    answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b"{}"
    )
    return int(json.load(answer["response"])["count"])


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
        ("clock/advance", b"[" * 60_000, "the request is not JSON"),
        ("clock/advance", b"[]", "the request is not a JSON object"),
        ("clock/advance", b"\xff", "the request is not JSON"),
        ("clock/advance", b" " * 70_000, "the request is larger than 65536 bytes"),
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
