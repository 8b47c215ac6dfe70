"""Emulators whose agents ask for tokens, a caller of them, and an identity provider of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from agentcore_emulator.testing import EmulatorProcess, new_session

# Nobody is there.
NOWHERE = "http://127.0.0.1:1/.well-known/openid-configuration"

AUTHORIZER: dict[str, Any] = {
    "discoveryUrl": NOWHERE,
    "allowedAudience": ["orders", "billing"],
    "allowedClients": ["shop", "desk"],
    "allowedScopes": ["agent/invoke", "agent/admin"],
    "customClaims": [
        {
            "inboundTokenClaimName": "department",
            "inboundTokenClaimValueType": "STRING",
            "authorizingClaimMatchValue": {
                "claimMatchValue": {"matchValueString": "sales"},
                "claimMatchOperator": "EQUALS",
            },
        },
        {
            "inboundTokenClaimName": "groups",
            "inboundTokenClaimValueType": "STRING_ARRAY",
            "authorizingClaimMatchValue": {
                "claimMatchValue": {"matchValueStringList": ["staff", "guests"]},
                "claimMatchOperator": "CONTAINS_ANY",
            },
        },
    ],
}


TALKER = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.websocket
async def talk(ws, context):
    await ws.accept(ws.headers.get("sec-websocket-protocol", "").split(",")[0] or None)
    await ws.send_json({name.decode(): value.decode() for name, value in ws.scope["headers"]})
    await ws.close()


app.run()
"""


def write_project(folder: Path, puppet: str, authorizers: Mapping[str, dict[str, Any] | None]) -> Path:
    """A project whose agents, all the puppet, have these authorizers; they are given the Authorization header."""
    folder.mkdir(exist_ok=True)
    (folder / "agent.py").write_text(puppet, encoding="utf-8")
    agents: dict[str, Any] = {}
    for name, authorizer in authorizers.items():
        agents[name] = {"name": name, "entrypoint": "agent.py"}
        if authorizer is not None:
            agents[name]["authorizer_configuration"] = {"customJWTAuthorizer": authorizer}
            agents[name]["request_header_configuration"] = {"requestHeaderAllowlist": ["Authorization"]}
    text = yaml.safe_dump({"default_agent": next(iter(agents)), "agents": agents})
    (folder / ".bedrock_agentcore.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def make_project(tmp_path: Path, puppet: str) -> Callable[..., Path]:
    """`write_project` into a folder of the test's own."""
    return lambda **authorizers: write_project(tmp_path / "project", puppet, authorizers)


@pytest.fixture(scope="session")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """An emulator that checks signatures; its `guarded` and `open` tell on a WebSocket which headers it had."""
    project = write_project(tmp_path_factory.mktemp("talkers"), TALKER, {"guarded": AUTHORIZER, "open": None})
    with EmulatorProcess(project, "--verify-signatures", "--isolation", "plain") as emulator:
        yield emulator


class Caller:
    """Calls the puppets of one emulator over plain HTTP, and remembers what must not be logged."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.secrets: set[str] = set()

    def path(self, agent: str, below: str = "invocations") -> str:
        """The path of an agent's operation."""
        return f"/runtimes/{quote(self.emulator.arns[agent], safe='')}/{below}"

    def token(self, agent: str = "guarded", **asked: Any) -> str:
        """A token of the emulator's issuer."""
        return self.remembered(self.emulator.token(agent=agent, **asked))

    def remembered(self, token: str) -> str:
        """A token of a test's own making."""
        self.secrets.update(part for part in token.split(".") if len(part) > 20)
        return token

    def ask(
        self,
        token: str | None = None,
        *,
        agent: str = "guarded",
        below: str = "invocations",
        method: str = "POST",
        code: str = "answer({name.lower(): value for name, value in self.headers.items()})",
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Have an agent run some code, by default to say which headers it got."""
        lines = {"content-type": "text/x-python", "x-amzn-bedrock-agentcore-runtime-session-id": new_session()}
        if token is not None:
            lines["authorization"] = f"Bearer {token}"
        url = self.emulator.url + self.path(agent, below) + query
        return httpx.request(
            method, url, content=code if method == "POST" else None, headers={**lines, **(headers or {})}
        )

    def no_secret_is_logged(self) -> None:
        """What has been remembered is neither printed by the emulator nor kept in a session's log."""
        answer = self.emulator.admin.get("sessions")
        kept = json.dumps([session["log"] for session in [*answer["ended"], *answer["sessions"]]])
        for secret in self.secrets:
            assert secret not in self.emulator.log
            assert secret not in kept


@pytest.fixture(scope="session")
def make_caller() -> type[Caller]:
    """For emulators of a test's own."""
    return Caller


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[Caller]:
    """A caller of an emulator with the agents `guarded`, by `AUTHORIZER`, and `open`, which takes signatures."""
    project = write_project(tmp_path_factory.mktemp("guarded"), puppet, {"guarded": AUTHORIZER, "open": None})
    with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as emulator:
        caller = Caller(emulator)
        yield caller
        caller.no_secret_is_logged()


class Idp:
    """An identity provider on this machine, whose documents a test may change. `asked` has the paths of its calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.documents: dict[str, bytes | int] = {}
        idp = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                idp.asked.append(self.path)
                found = idp.documents.get(self.path, 404)
                self.send_response(found if isinstance(found, int) else 200)
                self.send_header("location", "/moved")
                self.end_headers()
                if isinstance(found, bytes):
                    self.wfile.write(found)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/tenant"
        self.discovery_url = f"{self.url}/.well-known/openid-configuration"
        self.add_key("first")

    def add_key(self, key_id: str, *, alone: bool = False) -> None:
        """Publish another key, or just this one."""
        self.keys = {**({} if alone else self.keys), key_id: rsa.generate_private_key(65537, 2048)}
        self.publish(
            {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}, {"keys": [self.public(k) for k in self.keys]}
        )

    def publish(self, discovery: Any, keys: Any) -> None:
        """Answer with these documents from now on."""
        self.documents["/tenant/.well-known/openid-configuration"] = json.dumps(discovery).encode()
        self.documents["/tenant/keys"] = json.dumps(keys).encode()

    def public(self, key_id: str) -> dict[str, Any]:
        """A key as its set has it, which says nothing of an algorithm, as Entra ID's does not."""
        return {**RSAAlgorithm.to_jwk(self.keys[key_id].public_key(), as_dict=True), "kid": key_id, "use": "sig"}

    def token(self, claims: Mapping[str, Any], key_id: str = "first", **header: Any) -> str:
        """A token of its making; `header` has members besides its key's id."""
        whole = {"iss": self.url, "exp": 4_102_444_800, **claims}
        return jwt.encode(whole, self.keys[key_id], "RS256", headers={"kid": key_id, **header})

    def close(self) -> None:
        """End it, once."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def idp() -> Iterator[Idp]:
    idp = Idp()
    yield idp
    idp.close()
