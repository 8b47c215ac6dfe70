from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from agentcore_contracts.parity.transformers import TRANSFORMERS, Place, normalised
from agentcore_contracts.target import PROBE

PLACE = Place("eu-west-1", "210987654321", "http://127.0.0.1:4747")
PAGE = Path(__file__).parents[3] / "docs" / "parity.md"


def written(*exchanges: Any) -> list[Any]:
    return normalised(exchanges, [], PLACE)["exchanges"]


def test_the_same_value_is_the_same_reference_everywhere() -> None:
    one, other = f"contract-{uuid.uuid4()}", f"contract-{uuid.uuid4()}"
    assert written(
        {"request": {"runtimeSessionId": one}, "body": {"says": f"I am {one}"}},
        {"request": {"runtimeSessionId": other}},
        {"request": {"runtimeSessionId": one}},
    ) == [
        {"request": {"runtimeSessionId": "<session:1>"}, "body": {"says": "I am <session:1>"}},
        {"request": {"runtimeSessionId": "<session:2>"}},
        {"request": {"runtimeSessionId": "<session:1>"}},
    ]


def test_a_value_is_known_before_its_name_is() -> None:
    session = str(uuid.uuid4())
    assert written({"text": session}, {"sessionId": session}) == [
        {"text": "<conversation:1>"},
        {"sessionId": "<conversation:1>"},
    ]


def test_what_was_written_by_hand_stays() -> None:
    assert written({"runtimeSessionId": "x" * 32, "actorId": "ada", "memoryId": "none"}) == [
        {"runtimeSessionId": "x" * 32, "actorId": "ada", "memoryId": "none"}
    ]


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("x-amzn-RequestId", "7a60577a-7d75-4fe2-aaac-d7a4a6e4fb59", "<request id>"),
        ("pid", 4711, "<pid>"),
        ("bedrock-agentcore", "1.25.0", "<version>"),
        ("durationMs", 12.5, "<duration>"),
        ("memoryId", "notes-aB3dE6gH9j", "<memory:1>"),
        ("nextToken", "anything at all\n", "<page:1>"),
        ("eventTimestamp", "2026-11-24T10:00:00+00:00", "<time:1>"),
        ("createdAt", "2026-11-24T10:00:00.123Z", "<timestamp>"),
        ("eventId", "0000001763978400000#1a2b3c4d", "<event:1>"),
        ("at", "Tue, 24 Nov 2026 10:00:00 GMT", "<timestamp>"),
        ("trace", "Root=1-6b05b0ce-c54dc3dde5eeecc428bded7f;Sampled=1", "Root=<trace>;Sampled=1"),
        ("url", "http://127.0.0.1:4747/ping", "<endpoint>/ping"),
        ("url", "http://localhost:8080/ping", "http://<host>/ping"),
        ("token", "675190c04d8c439fa52236337807417cxxx", "<uuid:1>xxx"),
        (
            "arn",
            "arn:aws:bedrock-agentcore:eu-west-1:210987654321:runtime/probe-0123456789",
            "arn:aws:bedrock-agentcore:<region>:<account>:runtime/probe-<runtime:1>",
        ),
    ],
)
def test_names(key: str, value: Any, name: str) -> None:
    assert written({key: value}) == [{key: name}]


def test_where_aws_is_called() -> None:
    exchange = {"url": "https://bedrock-agentcore.eu-west-1.amazonaws.com/x"}
    assert normalised([exchange], [], Place("eu-west-1", "210987654321")) == {"exchanges": [{"url": "<endpoint>/x"}]}


def test_the_order_of_other_threads_is_no_matter() -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    answers = [{"runtimeSessionId": one, "body": 1}, {"runtimeSessionId": other, "body": 2}]
    expected = [{"runtimeSessionId": "<session:1>", "body": 1}, {"runtimeSessionId": "<session:2>", "body": 2}]
    for beside in (answers, answers[::-1]):
        assert normalised([], beside, PLACE) == {"exchanges": [], "beside": expected}


def test_names_within_ids() -> None:
    name = f"contracts_{uuid.uuid4().hex[:12]}"
    assert written({"name": name}, {"id": f"{name}-aB3dE6gH9j"}) == [
        {"name": "contracts_<name:1>"},
        {"id": "contracts_<name:1>-<runtime:1>"},
    ]


def test_threads_that_ask_twice() -> None:
    """What tells the second calls from each other is who had called first."""
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    calls = [
        {"runtimeSessionId": session, "count": count} for session, count in [(one, 1), (other, 1), (other, 2), (one, 2)]
    ]
    written = normalised([], calls, PLACE)["beside"]
    assert [(each["runtimeSessionId"], each["count"]) for each in written] == [
        ("<session:1>", 1),
        ("<session:2>", 1),
        ("<session:1>", 2),
        ("<session:2>", 2),
    ]


def test_json_in_a_text_has_members_too() -> None:
    assert written({"text": '{"pid": 17, "task": -5}'}, {"task": -5}, {"task": 6}) == [
        {"text": '{"pid": "<pid>", "task": "<task:1>"}'},
        {"task": "<task:1>"},
        {"task": "<task:2>"},
    ]


@pytest.mark.parametrize(
    "folder", ["/var/task", "/tmp/agentcore-emulator-a1/state/runtimes/contracts_http-0123456789/1/code", str(PROBE)]
)
def test_the_agents_code_is_one_folder_wherever_it_lies(folder: str) -> None:
    assert written({"path": f"{folder}/note.txt", "text": f"in '{folder}'\n"}) == [
        {"path": "<code>/note.txt", "text": "in '<code>'\n"}
    ]


def test_the_page_names_all() -> None:
    text = PAGE.read_text("utf-8")
    assert [each.name for each in TRANSFORMERS if f"`<{each.name}{':1' if each.numbered else ''}>`" not in text] == []
