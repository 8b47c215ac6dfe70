"""The quirks that arise inside a guest, in real agents on the real SDK, at each level."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, new_session

AGENTS = {
    "payload": """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def invoke(payload, context):
            return {"type": type(payload).__name__, "a": payload.get("a", 1)}
        app.run()
    """,
    "careful": """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        async def invoke(payload):
            return [payload.get("a") or 1, type(payload).__module__] if hasattr(payload, "get") else payload
        app.run()
    """,
    "with_strands": """
        import strands
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def invoke(payload):
            return type(payload).__module__
        app.run()
    """,
    "undecorated": """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        def invoke(payload):
            return payload["a"]
        app.handlers["main"] = invoke
        app.run()
    """,
    "encodes": """
        import json
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def invoke(payload):
            return json.dumps({"result": 1})
        app.run()
    """,
    "streams": """
        import json
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        async def invoke(payload):
            yield {"a": 1}
            yield json.dumps({"b": 2})
        app.run()
    """,
    "dispatches": """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def invoke(payload):
            if not payload.get("stream"):
                return {"whole": True}
            yield 1
        app.run()
    """,
}


class Agents:
    """One emulator with all the agents, at one level."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        self._arns = {each["name"]: each["arn"] for each in emulator.info["runtimes"]}
        self._client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))

    def invoke(self, name: str, payload: Any, session: str | None = None) -> bytes:
        answer = self._client.invoke_agent_runtime(
            agentRuntimeArn=self._arns[name],
            runtimeSessionId=session or new_session(),
            contentType="application/json",
            payload=json.dumps(payload),
        )
        body: bytes = answer["response"].read()
        return body

    def log(self, session: str) -> list[str]:
        return [line for each in self.emulator.sessions() if each["session_id"] == session for line in each["log"]]

    def findings(self, name: str, payload: Any) -> tuple[bytes, list[str]]:
        """The answer, and what the log says of quirks."""
        session = new_session()
        body = self.invoke(name, payload, session)
        return body, [line for line in self.log(session) if line.startswith("quirk ")]

    def line(self, name: str, text: str) -> str:
        """`file:line` of the first line of an agent that has `text` in it."""
        file = self.folder / name / f"{name}.py"
        numbers = [number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line]
        return f"{file}:{numbers[0]}"


@contextmanager
def agents_at(level: str, folder: Path) -> Iterator[Agents]:
    lines = ["agents:"]
    for name, source in AGENTS.items():
        (folder / name).mkdir()
        (folder / name / f"{name}.py").write_text(textwrap.dedent(source))
        lines.append(f"  {name}: {{entrypoint: {name}/{name}.py, source_path: {name}}}")
    (folder / ".bedrock_agentcore.yaml").write_text("\n".join(lines))
    with EmulatorProcess(folder, "--quirks", level) as emulator:
        yield Agents(emulator, folder)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with agents_at("strict", tmp_path_factory.mktemp("strict")) as agents:
        yield agents


@pytest.fixture(scope="module")
def warn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with agents_at("warn", tmp_path_factory.mktemp("warn")) as agents:
        yield agents


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    with agents_at("off", tmp_path_factory.mktemp("off")) as agents:
        yield agents


# payload-type


def test_strict_refuses_a_default(strict: Agents) -> None:
    session = new_session()
    with pytest.raises(ClientError) as failure:
        strict.invoke("payload", {}, session)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    log = strict.log(session)
    raised = log.index("TypeError: JSONSerializableDict.get() takes from 1 to 2 positional arguments but 3 were given")
    place, _, number = strict.line("payload", 'payload.get("a", 1)').rpartition(":")
    assert any(f'File "{place}", line {number}, in invoke' in line for line in log[:raised])


@pytest.mark.parametrize("payload", [{"a": 2}, {}])
def test_strict_lets_careful_agents_work(strict: Agents, payload: dict[str, int]) -> None:
    assert json.loads(strict.invoke("careful", payload)) == [payload.get("a", 1), "agentcore_guest.payload"]


@pytest.mark.parametrize("payload", [[1, "a"], "text", 7, None, True])
def test_only_objects_become_one(strict: Agents, payload: Any) -> None:
    assert json.loads(strict.invoke("careful", payload)) == payload


def test_strict_gives_strands_own_class_to_agents_with_strands(strict: Agents) -> None:
    pytest.importorskip("strands")
    assert json.loads(strict.invoke("with_strands", {})) == "strands.types.json_dict"


def test_strict_reaches_a_handler_that_was_set_directly(strict: Agents) -> None:
    with pytest.raises(ClientError):
        strict.invoke("undecorated", {"a": 1})


def test_warn_names_the_place_and_changes_nothing(warn: Agents) -> None:
    body, found = warn.findings("payload", {"a": 3})
    assert json.loads(body)["a"] == 3
    place = warn.line("payload", 'payload.get("a", 1)')
    assert found == [
        f"quirk payload-type: {place}: payload.get('a', …) fails where the payload is a JSONSerializableDict: "
        'read with payload.get("key") or default; copy it with payload.get() where you need a dict'
    ]


def test_warn_tells_again_at_the_next_invocation(warn: Agents) -> None:
    session = new_session()
    for _ in range(3):
        assert warn.invoke("undecorated", {"a": 1}, session) == b"1"
    assert len([line for line in warn.log(session) if line.startswith("quirk payload-type")]) == 3


def test_off_leaves_the_dict_alone(off: Agents) -> None:
    body, found = off.findings("payload", {})
    assert json.loads(body) == {"type": "dict", "a": 1}
    assert found == []


# double-encoding


def test_the_sdk_encodes_a_string_once_more_at_every_level(strict: Agents, warn: Agents, off: Agents) -> None:
    for agents, told in ((strict, 0), (warn, 1), (off, 0)):
        body, found = agents.findings("encodes", {})
        assert body == json.dumps(json.dumps({"result": 1})).encode()
        assert len(found) == told
    place = warn.line("encodes", "@app.entrypoint")
    assert found == []
    [line] = warn.findings("encodes", {})[1]
    assert line.startswith(f"quirk double-encoding: {place} (invoke): the returned string is JSON, and the SDK")


# stream-double-encoding


def test_the_sdk_encodes_a_yielded_string_once_more_at_every_level(strict: Agents, warn: Agents, off: Agents) -> None:
    for agents, told in ((strict, 0), (warn, 1), (off, 0)):
        body, found = agents.findings("streams", {})
        assert body == b'data: {"a": 1}\n\ndata: "{\\"b\\": 2}"\n\n'
        assert len(found) == told
    [line] = warn.findings("streams", {})[1]
    place = warn.line("streams", "yield json.dumps")
    assert line.startswith(f"quirk stream-double-encoding: {place}: yields a string that is JSON, and the SDK")


# generator


def test_a_function_with_a_yield_streams_at_every_level(strict: Agents, warn: Agents, off: Agents) -> None:
    for agents, told in ((strict, 0), (warn, 1), (off, 0)):
        body, found = agents.findings("dispatches", {})
        assert body == b"", "a stream without events, and nothing of what was returned"
        assert len(found) == told
        assert agents.findings("dispatches", {"stream": True}) == (b"data: 1\n\n", [])
    [line] = warn.findings("dispatches", {})[1]
    assert line.startswith(f"quirk generator: {warn.line('dispatches', '@app.entrypoint')} (invoke): the function has")


# The hook into the SDK


def test_an_sdk_without_the_hook_is_named(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "bedrock_agentcore" / "runtime"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "app.py").write_text("class BedrockAgentCoreApp:\n    async def _invoke_handler(self, other): pass\n")
    agent = tmp_path / "agent.py"
    agent.write_text("import bedrock_agentcore.runtime.app")
    with EmulatorProcess(agent, "--quirks", "warn", env={"PYTHONPATH": str(tmp_path / "packages")}) as emulator:
        client = emulator.client("bedrock-agentcore")
        with pytest.raises(ClientError):
            client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=new_session(), payload=b"{}")
    assert "this version of bedrock-agentcore has no BedrockAgentCoreApp._invoke_handler" in emulator.log
    assert "start with --quirks off, or install another version" in emulator.log
