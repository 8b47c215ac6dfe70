"""What the platform does with messages of MCP, whatever the server is."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from mcp_types import JSONRPCError

from agentcore_emulator.runtime import mcp
from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo
    from tests.runtime.conftest import Caller

    from agentcore_emulator.testing.running import RunningEmulator

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
MCP_ID = "Mcp-Session-Id"
ACCEPT = "application/json, text/event-stream"

# What the puppet does; it takes its orders from the header Mcp-Name, so that the body can be a message.
LOOK = "answer({'id': self.headers['mcp-session-id'], 'count': state['count'], 'pid': os.getpid()})"
ISSUE = "answer({'id': self.headers['mcp-session-id']}, mcp_session_id='%s')"


class Client:
    """Sends messages of MCP to the puppet of one emulator."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.url = f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations"

    def post(self, code: str = LOOK, method: str = "tools/list", *, query: str = "", **headers: str) -> httpx.Response:
        message = {"jsonrpc": "2.0", "id": "req-001", "method": method}
        given = {"Accept": ACCEPT, "Mcp-Name": code, **{name.replace("_", "-"): text for name, text in headers.items()}}
        return httpx.post(self.url + query, json=message, headers=given, timeout=60)

    def look(self, method: str = "tools/list", **headers: str) -> tuple[dict[str, Any], Mapping[str, str]]:
        """What the puppet has seen, and the answer's headers."""
        answer = self.post(LOOK, method, **headers)
        assert answer.status_code == 200
        return answer.json(), answer.headers

    def session(self, session_id: str) -> list[dict[str, Any]]:
        return [dict(each) for each in self.emulator.sessions() if each["session_id"] == session_id]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[EmulatorProcess]:
    file: Path = tmp_path_factory.mktemp("mcp") / "agent.py"
    file.write_text(puppet.replace("8080", "8000"), encoding="utf-8")
    with EmulatorProcess(file, "--protocol", "MCP", "--quirks", "off", "--isolation", "plain") as process:
        yield process


@pytest.fixture(scope="module")
def client(emulator: EmulatorProcess) -> Client:
    return Client(emulator)


@pytest.fixture
def mcp_caller(emulator: EmulatorProcess, make_caller: type[Caller]) -> Caller:
    return make_caller(emulator)


def error_of(answer: httpx.Response) -> tuple[int, int, str]:
    """The HTTP status, the code of the error and its text."""
    message = JSONRPCError.model_validate_json(answer.content)
    assert message.id == "req-001"
    assert uuid.UUID(answer.headers["x-amzn-requestid"])
    return answer.status_code, message.error.code, message.error.message


# Which session


def test_a_client_without_an_id_is_given_one(client: Client) -> None:
    seen, headers = client.look()
    assert seen["id"] == headers[MCP_ID] == headers[SESSION]
    assert str(uuid.UUID(headers[MCP_ID])) == headers[MCP_ID]
    again, headers = client.look(Mcp_Session_Id=headers[MCP_ID])
    assert again == {**seen, "count": 2}
    assert headers[MCP_ID] == seen["id"]


def test_each_id_is_a_session_of_its_own(client: Client) -> None:
    one, two = new_session(), new_session()
    seen = [client.look(Mcp_Session_Id=given)[0] for given in (one, two, one)]
    assert [each["count"] for each in seen] == [1, 1, 2]
    assert [each["id"] for each in seen] == [one, two, one]


def test_an_id_may_be_short(client: Client) -> None:
    given = uuid.uuid4().hex[:8]
    seen, headers = client.look(Mcp_Session_Id=given)
    assert (seen["count"], headers[MCP_ID], headers[SESSION]) == (1, given, given)
    assert client.look(Mcp_Session_Id=given)[0]["count"] == 2


def test_the_runtime_session_leads_who_has_no_id(client: Client) -> None:
    session = new_session()
    seen, headers = client.look(**{SESSION: session})
    assert seen["id"] == headers[MCP_ID] == headers[SESSION] == session
    assert client.look(Mcp_Session_Id=session)[0]["count"] == 2


def test_the_id_leads_who_has_both(client: Client) -> None:
    given = new_session()
    client.look(Mcp_Session_Id=given)
    seen, headers = client.look(Mcp_Session_Id=given, **{SESSION: new_session()})
    assert (seen["id"], seen["count"]) == (given, 2)
    assert headers[SESSION] == given


def test_initialize_reaches_the_server_without_an_id(client: Client) -> None:
    seen, headers = client.look("initialize")
    assert seen["id"] is None
    # This server has issued none, so it takes any.
    given = headers[MCP_ID]
    assert given == headers[SESSION]
    assert client.look(Mcp_Session_Id=given)[0] == {**seen, "id": given, "count": 2}


def test_the_id_of_a_stateful_server_leads_to_its_session(client: Client) -> None:
    issued = uuid.uuid4().hex
    answer = client.post(ISSUE % issued, "initialize")
    assert answer.json() == {"id": None}
    assert answer.headers[MCP_ID] == issued
    session = answer.headers[SESSION]
    assert session != issued
    seen, headers = client.look(Mcp_Session_Id=issued)
    assert (seen["id"], seen["count"]) == (issued, 2)
    assert (headers[MCP_ID], headers[SESSION]) == (issued, session)
    assert client.session(issued) == [], "no session is called so"


def test_an_id_that_is_issued_late(client: Client) -> None:
    given, issued = new_session(), uuid.uuid4().hex
    answer = client.post(ISSUE % issued, Mcp_Session_Id=given)
    assert (answer.headers[MCP_ID], answer.headers[SESSION]) == (issued, given)
    assert client.look(Mcp_Session_Id=issued)[0]["count"] == 2
    assert client.look(Mcp_Session_Id=given)[0]["count"] == 3, "the one that it had leads there too"


def test_an_id_that_two_servers_issue_leads_to_the_later(client: Client) -> None:
    issued = uuid.uuid4().hex
    client.post(ISSUE % issued, "initialize")
    later = client.post(ISSUE % issued, "initialize").headers[SESSION]
    assert client.look(Mcp_Session_Id=issued)[1][SESSION] == later


def test_an_id_outlives_the_microvm(client: Client, mcp_caller: Caller) -> None:
    issued = uuid.uuid4().hex
    session = client.post(ISSUE % issued, "initialize").headers[SESSION]
    mcp_caller.stop(session)
    seen, headers = client.look(Mcp_Session_Id=issued)
    assert (seen["id"], seen["count"]) == (issued, 1), "cold, and for the server to say that it knows no such id"
    assert headers[SESSION] == session


def test_ids_are_remembered_up_to_a_number(
    write_agent: Callable[[str], Path], puppet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "_ALIASES_KEPT", 2)
    agent = write_agent(puppet.replace("8080", "8000"))
    with EmulatorThread(agent, "--protocol", "MCP", "--quirks", "off") as emulator:
        client = Client(emulator)
        issued = [uuid.uuid4().hex for _ in range(3)]
        sessions = [client.post(ISSUE % each, "initialize").headers[SESSION] for each in issued]
        led_to = [client.look(Mcp_Session_Id=each)[1][SESSION] for each in issued]
    assert led_to == [issued[0], *sessions[1:]]


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc": "2.0", "method": "initialize"',
        b'[{"jsonrpc": "2.0", "id": 1, "method": "initialize"}]',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"method": "initialize"}}',
        b'{"method": ["initialize"]}',
        b'"initialize"',
        b"",
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_what_is_no_initialize(client: Client, body: bytes) -> None:
    answer = httpx.post(client.url, content=body, headers={"Accept": ACCEPT, "Mcp-Name": LOOK})
    assert answer.json()["id"] == answer.headers[MCP_ID]


def test_the_body_is_relayed_after_it_was_looked_at(client: Client) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"long": "x" * 200_000}}
    body = json.dumps(message).encode()
    for content in (body, iter([body[:10], body[10:100_000], body[100_000:]])):
        answer = httpx.post(client.url, content=content, headers={"Accept": ACCEPT})
        assert answer.json()["received"] == len(body)


# What is refused


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "*/*",
        "application/json",
        "text/event-stream",
        "application/*, text/*",
        "application/json text/event-stream",
    ],
)
def test_who_does_not_accept_both_is_refused(client: Client, accept: str) -> None:
    before = len(client.emulator.sessions())
    assert error_of(client.post(Accept=accept)) == (
        406,
        -32011,
        "Accept Header Error - MCP protocol requires Accept header: application/json, text/event-stream",
    )
    assert len(client.emulator.sessions()) == before


@pytest.mark.parametrize(
    "accept", ["text/event-stream,application/json", "Application/JSON; q=1, text/event-stream;q=0.5"]
)
def test_how_both_may_be_accepted(client: Client, accept: str) -> None:
    assert client.look(Accept=accept)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_other_methods_than_post(client: Client, method: str) -> None:
    before = len(client.emulator.sessions())
    answer = httpx.request(method, client.url, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (405, "POST", b"")
    assert len(client.emulator.sessions()) == before


def test_below_the_path_is_nothing(client: Client) -> None:
    answer = httpx.post(client.url + "/mcp", json={"id": "req-001"}, headers={"Accept": ACCEPT})
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (501, "NotImplemented")
    assert "/mcp of an MCP agent" in answer.json()["message"]


def test_an_unknown_endpoint(client: Client) -> None:
    answer = client.post(query="?qualifier=production")
    assert error_of(answer) == (200, -32004, "Resource not found - Requested resource does not exist")


def test_an_unknown_agent_has_no_protocol(client: Client) -> None:
    answer = httpx.post(client.url.replace("agent-", "other-"), headers={"Accept": ACCEPT})
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_what_is_not_valid_is_told_in_the_log(client: Client, mcp_caller: Caller) -> None:
    answer = client.post(**{SESSION: "short"})
    assert error_of(answer) == (200, -32006, "Validation error - Invalid request data")
    mcp_caller.logged("Value at 'runtimeSessionId' failed to satisfy constraint")


# When the server fails


@pytest.mark.parametrize("status", [302, 400, 404, 421, 500])
def test_a_status_that_is_no_success(client: Client, status: int) -> None:
    given = new_session()
    answer = client.post(f"answer('no', status={status})", Mcp_Session_Id=given)
    assert error_of(answer) == (
        200,
        -32010,
        "Tool execution error - Please check your CloudWatch logs for more information",
    )
    assert answer.headers[MCP_ID] == given
    assert client.look(Mcp_Session_Id=given)[0]["count"] == 2


def test_a_failed_initialize_gives_no_id(client: Client) -> None:
    answer = client.post("answer('no', status=500)", "initialize")
    assert error_of(answer)[1] == -32010
    assert MCP_ID not in answer.headers


def test_a_server_that_does_not_start(write_agent: Callable[[str], Path]) -> None:
    agent = write_agent("raise SystemExit('no')")
    with EmulatorProcess(agent, "--protocol", "MCP", "--quirks", "off", "--isolation", "plain") as emulator:
        answer = Client(emulator).post()
    assert error_of(answer)[:2] == (200, -32010)


def test_a_server_that_dies(client: Client) -> None:
    given = new_session()
    answer = client.post("os._exit(3)", Mcp_Session_Id=given)
    assert error_of(answer)[:2] == (200, -32010)
    assert answer.headers[MCP_ID] == given
    assert client.look(Mcp_Session_Id=given)[0]["count"] == 1


def test_a_server_that_dies_in_the_middle_of_its_stream(client: Client) -> None:
    given = new_session()
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    code = "self.stream(); self.chunk(b'data: {}'); os._exit(3)"
    headers = {"Accept": ACCEPT, "Mcp-Name": code, MCP_ID: given}
    with httpx.stream("POST", client.url, json=message, headers=headers) as answer:
        assert answer.headers[MCP_ID] == given
        pieces = answer.iter_bytes()
        assert next(pieces) == b"data: {}"
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert client.look(Mcp_Session_Id=given)[0]["count"] == 1


def test_a_session_that_is_being_started(
    write_agent: Callable[[str], Path], puppet: str, make_fifo: Callable[[str], Fifo]
) -> None:
    starting, go_on = make_fifo("starting"), make_fifo("go-on")
    agent = write_agent(f"{starting.put_here}\n{go_on.get_here}\n{puppet.replace('8080', '8000')}")
    given = new_session()
    with (
        EmulatorProcess(agent, "--protocol", "MCP", "--quirks", "off", "--isolation", "plain") as emulator,
        ThreadPoolExecutor(1) as pool,
    ):
        client = Client(emulator)
        first = pool.submit(client.look, Mcp_Session_Id=given)
        starting.get()
        second = client.post(Mcp_Session_Id=given)
        assert error_of(second) == (200, -32005, "Session operation in progress, please retry")
        assert second.headers[MCP_ID] == given
        go_on.put()
        assert first.result()[0]["count"] == 1


def test_an_upload_that_breaks_off_is_nobodys_fault(client: Client) -> None:
    given = new_session()
    client.look(Mcp_Session_Id=given)
    host = client.emulator.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    connection.putrequest("POST", client.url.partition(host)[2])
    for name, value in {"Accept": ACCEPT, "Content-Length": "1000", MCP_ID: given}.items():
        connection.putheader(name, value)
    connection.endheaders(b'{"jsonrpc": "2.0", ')
    connection.close()
    assert client.look(Mcp_Session_Id=given)[0]["count"] >= 2
