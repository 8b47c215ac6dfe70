from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorError, EmulatorThread, RunningEmulator, new_session

FAILS = """
    from bedrock_agentcore import BedrockAgentCoreApp

    app = BedrockAgentCoreApp()

    @app.entrypoint
    def invoke(payload):
        print("about to divide")
        return 1 / payload["by"]

    app.run()
"""


def order(emulator: RunningEmulator, session: str, code: str) -> Any:
    """Have the puppet of a session run `code`, to the end of its answer."""
    answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=code, contentType="text/x-python"
    )
    return json.loads(answer["response"].read())


def test_session_ids_are_ones_that_aws_takes() -> None:
    ids = {new_session() for _ in range(100)}
    assert len(ids) == 100
    assert all(33 <= len(each) <= 100 for each in ids)


def test_what_it_is(emulator: RunningEmulator) -> None:
    assert emulator.info["url"] == emulator.url
    assert list(emulator.arns) == ["one", "two"]
    assert emulator.arn == emulator.arns["one"] == emulator.info["default_arn"]
    assert emulator.client("bedrock-agentcore").meta.region_name == emulator.info["region"]


def test_invocations_of_one_session_and_of_new_ones(emulator: RunningEmulator) -> None:
    session = new_session()
    assert emulator.invoke({"prompt": "é"}, session) == {"received": len('{"prompt": "\\u00e9"}'), "count": 1}
    assert emulator.invoke([], session)["count"] == 2
    assert emulator.invoke([], session, agent="two")["count"] == 1
    assert [emulator.invoke([])["count"], emulator.invoke([])["count"]] == [1, 1]


def test_a_session_while_it_lives_and_after(emulator: RunningEmulator) -> None:
    session = new_session()
    order(emulator, session, "print('here I am'); answer(1)")
    found = emulator.session(session)
    assert found in emulator.sessions()
    assert (found["runtime"], found["state"], found["version"], found["reason"]) == ("one", "Idle", 1, None)
    assert "here I am" in found["log"]
    emulator.client("bedrock-agentcore").stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=session)
    ended = emulator.session(session)
    assert (ended["state"], ended["reason"], ended["ended"]) == ("Stopped", "StopRuntimeSession", emulator.clock.time())
    assert "here I am" in ended["log"]
    assert ended not in emulator.sessions()
    emulator.invoke([], session)
    assert emulator.session(session)["state"] == "Idle", "the one that lives goes before the one that did"


def test_sessions_of_one_id_in_two_agents(emulator: RunningEmulator) -> None:
    session = new_session()
    for agent in ("two", "one"):
        emulator.invoke([], session, agent=agent)
    assert [emulator.session(session, agent=agent)["runtime"] for agent in ("one", "two")] == ["one", "two"]
    with pytest.raises(EmulatorError, match="there is no session"):
        emulator.session(session, agent="three")


def test_a_session_that_never_was(emulator: RunningEmulator) -> None:
    session = new_session()
    with pytest.raises(EmulatorError, match=f"^there is no session {session}, nor was there one "):
        emulator.session(session)


def test_eight_hours_pass(emulator: RunningEmulator) -> None:
    session = new_session()
    emulator.invoke([], session)
    before = emulator.clock.time()
    assert emulator.clock.advance(8 * 3600) == emulator.clock.time() == before + 8 * 3600
    assert emulator.session(session)["reason"] == "idle for 900 s"
    assert emulator.session(session)["ended"] == before + 900
    assert emulator.invoke([], session)["count"] == 1


def test_a_redeploy(emulator: RunningEmulator) -> None:
    old, new = new_session(), new_session()
    emulator.invoke([], old, agent="two")
    before = emulator.session(old)["version"]
    assert emulator.redeploy("two") == {"two": before + 1}
    emulator.invoke([], old, agent="two")
    emulator.invoke([], new, agent="two")
    assert [emulator.session(each)["version"] for each in (old, new)] == [before, before + 1]
    everything = emulator.redeploy()
    assert everything["two"] == before + 2
    assert list(everything) == ["one", "two"]


def test_faults(emulator: RunningEmulator) -> None:
    first = emulator.faults.add("throttle", operation="InvokeAgentRuntime", times=2)
    second = emulator.faults.add("agent-error")
    assert [(fault["id"], fault["fault"]) for fault in emulator.faults] == [
        (first, "throttle"),
        (second, "agent-error"),
    ]
    with pytest.raises(ClientError, match="RuntimeClientError"):
        emulator.invoke([])  # boto3 tries again after the two that are throttled.
    assert list(emulator.faults) == []
    emulator.faults.add("hang")
    emulator.faults.clear()
    assert emulator.invoke([])["count"] == 1


def test_a_session_is_killed(emulator: RunningEmulator) -> None:
    session = f"{new_session()}/with/slashes and more"
    emulator.invoke([], session)
    emulator.kill_session(session)
    assert emulator.session(session)["reason"] == "its process was killed by SIGKILL"
    assert emulator.invoke([], session)["count"] == 1
    for agent in ("one", "two"):
        emulator.invoke([], session, agent=agent)
    emulator.kill_session(session, agent="two")
    assert [emulator.session(session, agent=agent)["state"] for agent in ("one", "two")] == ["Idle", "Stopped"]


def test_what_is_refused_raises_the_sentence(emulator: RunningEmulator) -> None:
    with pytest.raises(EmulatorError, match=r"^a clock moves ahead by 0 to \d+ seconds, not by -1"):
        emulator.clock.advance(-1)
    with pytest.raises(EmulatorError, match=r"^there is no agent runtime 'three'$"):
        emulator.redeploy("three")
    with pytest.raises(EmulatorError, match=r"^'fault': there is no fault 'earthquake', only "):
        emulator.faults.add("earthquake")
    with pytest.raises(EmulatorError, match=r"^no session 'nobody' is live; "):
        emulator.kill_session("nobody")
    with pytest.raises(EmulatorError, match=r"^404 for http://.*/_emulator/nothing: Not Found$"):
        emulator.admin.get("nothing")


def test_the_log_of_a_session_holds_the_traceback_behind_a_424(write_agent: Callable[[str], Path]) -> None:
    file = write_agent(FAILS)
    session = new_session()
    with EmulatorThread(file) as emulator:
        with pytest.raises(ClientError) as failure:
            emulator.invoke({"by": 0}, session)
        assert failure.value.response["Error"]["Code"] == "RuntimeClientError"
        assert "ZeroDivisionError" not in str(failure.value)
        live = emulator.session(session)["log"]
        for line in ("about to divide", f'  File "{file}", line 9, in invoke', "ZeroDivisionError: division by zero"):
            assert line in live
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert emulator.session(session)["log"][: len(live)] == live


def test_the_log_of_a_session_that_never_came_up(write_agent: Callable[[str], Path]) -> None:
    session = new_session()
    with EmulatorThread(write_agent("print('hm')\n1 / 0")) as emulator:
        with pytest.raises(ClientError, match="Runtime initialization time exceeded"):
            emulator.invoke({}, session)
        ended = emulator.session(session)
    assert ended["reason"] is not None
    assert ended["reason"].startswith("did not start: ZeroDivisionError: division by zero at ")
    assert {"hm", "ZeroDivisionError: division by zero"} <= set(ended["log"])


def test_before_and_after(tmp_path: Path, write_agent: Callable[[str], Path]) -> None:
    emulator = EmulatorThread(tmp_path)
    with pytest.raises(EmulatorError, match="use it in a with block"):
        emulator.sessions()
    with EmulatorThread(write_agent(FAILS)) as emulator:
        pass
    with pytest.raises(EmulatorError, match=f"^no emulator answers at {emulator.url}: "):
        emulator.sessions()
