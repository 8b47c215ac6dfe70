"""Agents that insist on AWS's names, in their microVMs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess, new_session

CallerOf = Callable[[EmulatorProcess], Callable[[str, str], Any]]

ASK = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("https://bedrock-agentcore.us-east-1.amazonaws.com/nothing")
except urllib.error.HTTPError as error:
    answer([error.code, json.load(error)["message"]])
"""
ANSWER = [501, "GET /nothing of AWS is not implemented by agentcore-emulator"]


@pytest.mark.parametrize("platform", ["V1", "V2"])
def test_a_guest_reaches_the_emulator_by_aws_names(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, isolation: str, platform: str
) -> None:
    with EmulatorProcess(
        write_agent(puppet), "--quirks", "off", "--isolation", isolation, "--platform", platform
    ) as emulator:
        call = caller_of(emulator)
        assert call(new_session(), ASK) == ANSWER
        session = new_session()
        assert call(session, ASK) == ANSWER
        names = call(session, "answer({name: os.environ[name] for name in ('SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS')})")
        for name in names.values():
            assert "BEGIN CERTIFICATE" in call(session, f"answer(open({name!r}).read())")


def test_a_guest_in_a_fresh_interpreter(write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf) -> None:
    with EmulatorProcess(write_agent(puppet), "--quirks", "off", "--microvms", "spawn") as emulator:
        assert caller_of(emulator)(new_session(), ASK) == ANSWER


def test_one_agent_calls_another_by_its_aws_url(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, isolation: str
) -> None:
    agent = write_agent(puppet)
    (agent.parent / "other.py").write_text(puppet)
    (agent.parent / ".bedrock_agentcore.yaml").write_text(
        "default_agent: one\nagents: {one: {entrypoint: agent.py}, other: {entrypoint: other.py}}"
    )
    with EmulatorProcess(agent.parent, "--quirks", "off", "--isolation", isolation) as emulator:
        other = emulator.arns["other"]
        code = f"""
        import urllib.parse, urllib.request
        url = "https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/" + urllib.parse.quote({other!r}, safe="")
        request = urllib.request.Request(url + "/invocations", b"12345", {{
            "content-type": "application/json",
            "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": {new_session()!r},
        }})
        answer(json.load(urllib.request.urlopen(request)))
        """
        assert caller_of(emulator)(new_session(), code) == {"received": 5, "count": 1}
        assert {session["runtime"] for session in emulator.sessions()} == {"one", "other"}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("place", ["the project", "elsewhere", "nowhere"])
def test_an_isolated_guest_sees_no_key(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, tmp_path: Path, place: str
) -> None:
    agent = write_agent(puppet)
    state = (agent.parent if place == "the project" else tmp_path) / "state"
    options = [] if place == "nowhere" else ["--state-dir", str(state)]
    with EmulatorProcess(agent, "--quirks", "off", "--isolation", "namespaces", *options) as emulator:
        call, session = caller_of(emulator), new_session()
        public = call(session, "answer(os.environ['SSL_CERT_FILE'])")
        assert call(session, f"answer(os.listdir({str(Path(public).parent)!r}))") == ["bundle.pem", "extra.pem"]
        bundle = Path(emulator.info["environment"]["SSL_CERT_FILE"])
        assert (bundle.parent / "authority.pem").exists()
        assert call(session, f"answer(os.path.exists({str(bundle.parent / 'authority.pem')!r}))") is False
        assert call(session, ASK) == ANSWER


def test_what_an_agent_fetches_while_it_boots_is_tunnelled(
    write_agent: Callable[[str], Path], puppet: str, tmp_path: Path
) -> None:
    # Nobody is there: what matters is that the proxy says so although the emulator does not serve yet.
    begin = f"""
import urllib.error, urllib.request
try:
    urllib.request.urlopen("https://127.0.0.1.no.such.host.invalid/")
except urllib.error.URLError as error:
    open({str(tmp_path / "said")!r}, "w").write(str(error.reason))
"""
    with EmulatorProcess(
        write_agent(begin + puppet), "--quirks", "off", "--isolation", "plain", "--platform", "V2"
    ) as emulator:
        assert emulator.url
    assert (tmp_path / "said").read_text().startswith("Tunnel connection failed: 502 ")
