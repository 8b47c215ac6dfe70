from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from agentcore_emulator.testing import EmulatorProcess

from .conftest import Run, the_one_line

YAML = """
agents:
  guarded:
    entrypoint: agent.py
    authorizer_configuration:
      customJWTAuthorizer:
        discoveryUrl: https://idp.example.com/.well-known/openid-configuration
        allowedClients: [shop]
        allowedScopes: [invoke]
  other:
    entrypoint: agent.py
    authorizer_configuration:
      customJWTAuthorizer:
        discoveryUrl: https://idp.example.com/.well-known/openid-configuration
        allowedAudience: [others]
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def running(state: Path, tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[EmulatorProcess]:
    project = tmp_path_factory.mktemp("project")
    (project / "agent.py").write_text(puppet, encoding="utf-8")
    (project / ".bedrock_agentcore.yaml").write_text(YAML, encoding="utf-8")
    with EmulatorProcess(project, "--state-dir", str(state), "--isolation", "plain") as emulator:
        yield emulator


def claims(printed: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(printed, options={"verify_signature": False})
    return {name: value for name, value in decoded.items() if name not in ("iss", "jti", "iat")}


def test_a_token_alone_is_printed(running: EmulatorProcess, call: Run, tmp_path: Path) -> None:
    made = call("token", "--url", running.url)
    assert made.returncode == 0
    assert made.stderr == ""
    [line] = made.stdout.splitlines()
    assert {**claims(line), "exp": 0} == {"client_id": "shop", "scope": "invoke", "sub": "local-user", "exp": 0}


@pytest.mark.usefixtures("running")
def test_it_is_of_the_emulator_with_this_state_folder(state: Path, call: Run) -> None:
    assert claims(call("token", "--state-dir", state).stdout.strip())["client_id"] == "shop"


def test_for_another_agent(running: EmulatorProcess, call: Run) -> None:
    made = claims(call("token", "--runtime", "other", "--url", running.url).stdout.strip())
    assert made["aud"] == "others"
    assert "client_id" not in made


def test_every_option(running: EmulatorProcess, call: Run) -> None:
    made = claims(
        call(
            "token", "--url", running.url, "--client-id", "desk", "--audience", "a", "--audience", "b",
            "--scope", "x", "--scope", "y", "--claim", "groups=[\"staff\"]", "--claim", "dept=sales=all",
            "--subject", "ada", "--claim", "exp=5", "--expires-in", "-5",
        ).stdout.strip()
    )  # fmt: skip
    assert made == {
        "client_id": "desk",
        "aud": ["a", "b"],
        "scope": "x y",
        "groups": ["staff"],
        "dept": "sales=all",
        "sub": "ada",
        "exp": 5,
    }


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (("--runtime", "nobody"), 1, "there is no agent runtime 'nobody'"),
        (("--claim", "groups"), 2, "--claim: 'groups' is not of the form name=value"),
        (("--expires-in", "99999999999"), 1, "'expires_in' is a whole number of seconds"),
    ],
)
def test_what_cannot_be(
    running: EmulatorProcess, call: Run, arguments: tuple[str, ...], status: int, complaint: str
) -> None:
    ended = call("token", "--url", running.url, *arguments)
    assert ended.returncode == status
    assert ended.stdout == ""
    assert complaint in the_one_line(ended.stderr)


def test_nobody_to_ask(call: Run) -> None:
    ended = call("token", "--url", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert the_one_line(ended.stderr).startswith("no emulator answers at http://127.0.0.1:1; start one")
