import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_client import AgentClient
from durable_memory import scope_of
from metadata import WIRE_LIMIT, parse
from sse import Decoder

from agentcore_emulator.testing import EmulatorProcess, new_session

Visitor = Callable[[], AgentClient]
Events = Callable[[AgentClient], list[dict[str, Any]]]
Say = Callable[[AgentClient, float, str, str], None]


def invoke(emulator: EmulatorProcess, payload: Any, session_id: str = "") -> tuple[str, bytes]:
    """Content type and body of an answer, with no client between."""
    answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=emulator.arn,
        runtimeSessionId=session_id or new_session(),
        contentType="application/json",
        payload=json.dumps(payload).encode(),
    )
    return answer["contentType"], answer["response"].read()


@pytest.fixture
def stored(remembering: EmulatorProcess, memory_id: str) -> Events:
    """What AgentCore Memory holds of a client's conversation, oldest first."""
    boto = remembering.client("bedrock-agentcore")

    def read(client: AgentClient) -> list[dict[str, Any]]:
        actor_id, session_id = scope_of(client.user_id, "main")
        page = boto.list_events(memoryId=memory_id, actorId=actor_id, sessionId=session_id, maxResults=100)
        events: list[dict[str, Any]] = page["events"]
        return events[::-1]

    return read


@pytest.fixture
def say(remembering: EmulatorProcess, memory_id: str) -> Say:
    """Puts a message into a client's conversation past the agent; times are in seconds since the epoch."""
    boto = remembering.client("bedrock-agentcore")

    def write(client: AgentClient, when: float, role: str, text: str) -> None:
        actor_id, session_id = scope_of(client.user_id, "main")
        message = {"conversational": {"role": role, "content": {"text": text}}}
        boto.create_event(
            memoryId=memory_id, actorId=actor_id, sessionId=session_id, eventTimestamp=when, payload=[message]
        )

    return write


def test_a_stream_says_the_same_as_one_piece(visitor: Visitor) -> None:
    ada, bob = visitor(), visitor()
    events = list(ada.stream("What is 14 * 3?"))
    whole = bob.chat("What is 14 * 3?")
    texts = [event.text for event in events[:-1]]
    assert len(texts) > 1
    assert {event.kind for event in events[:-1]} == {"text"}
    assert "".join(texts) == whole.text == "14 * 3 = 42."
    assert events[-1].kind == "meta"
    assert events[-1].meta == {**whole.meta, "session_id": ada.session_id, "init_ms": events[-1].meta["init_ms"]}


def test_a_stream_is_a_sequence_of_objects(remembering: EmulatorProcess) -> None:
    kind, body = invoke(remembering, {"prompt": "Hello", "user_id": "eve", "stream": True})
    assert kind.startswith("text/event-stream")
    events = [json.loads(data) for data in Decoder().feed(body)]
    assert [event["type"] for event in events] == ["text"] * (len(events) - 1) + ["meta"]
    assert events[-1]["invocation_count"] == 1


def test_one_piece_is_a_string_with_a_tag(remembering: EmulatorProcess) -> None:
    kind, body = invoke(remembering, {"mode": "ping"})
    assert kind.startswith("application/json")
    text, meta = parse(json.loads(body))
    assert text == "pong (cold)"
    assert meta["mode"] == "ping"


@pytest.mark.parametrize("mode", ["ping", "memory_query", "forget"])
def test_modes_without_a_model_can_be_streamed(visitor: Visitor, mode: str) -> None:
    said, meta = visitor().invoke(mode, stream=True)
    assert (said.kind, meta.kind) == ("text", "meta")
    assert said.text
    assert meta.meta["mode"] == mode


def test_a_long_answer_is_cut_and_says_so(remembering: EmulatorProcess, visitor: Visitor) -> None:
    _, body = invoke(remembering, {"prompt": "Tell me about microVMs", "user_id": "frank"})
    assert len(body) <= WIRE_LIMIT
    text, meta = parse(json.loads(body))
    assert meta["truncated"] == "yes"
    whole = visitor().chat("Tell me about microVMs", stream=True)
    assert "truncated" not in whole.meta
    assert len(whole.text) > len(text)
    assert whole.text.startswith(text.removesuffix("…"))


def test_memory_query_stays_small_however_much_there_is(visitor: Visitor) -> None:
    ada = visitor()
    for number in range(12):
        ada.chat(f"I like the number {number} and the letters é and 😀 and all that can be said about them, {'é' * 40}")
    reply = ada.memory_query()
    assert reply.meta["turns"] == "12"
    assert "truncated" not in reply.meta
    assert all(len(line) <= 100 for line in reply.text.splitlines())
    assert "the number 11" in reply.text
    assert "the number 0 " not in reply.text


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({}, "The key 'prompt' is missing"),
        ({"prompt": ["a"]}, "The key 'prompt' must be text, not a list."),
        ({"prompt": "x", "user_id": 7}, "The key 'user_id' must be text, not a number."),
        ({"mode": "dance"}, "There is no mode 'dance'"),
        ({"prompt": "x", "stream": "no"}, "The key 'stream' must be true or false, not text."),
    ],
)
def test_a_bad_payload_gets_a_sentence(remembering: EmulatorProcess, payload: Any, sentence: str) -> None:
    kind, body = invoke(remembering, payload)
    assert kind.startswith("application/json")
    text, meta = parse(json.loads(body))
    assert sentence in text
    assert meta["error"] == "payload"


def test_a_bad_payload_gets_its_sentence_in_a_stream_if_it_asked_for_one(remembering: EmulatorProcess) -> None:
    kind, body = invoke(remembering, {"stream": True, "prompt": 3})
    assert kind.startswith("text/event-stream")
    error, meta = (json.loads(data) for data in Decoder().feed(body))
    assert error == {"type": "error", "text": "The key 'prompt' must be text, not a number."}
    assert meta["error"] == "payload"


@pytest.mark.parametrize("payload", [[], ["prompt"], "prompt", 7, None, True])
def test_a_payload_that_is_no_object_gets_a_sentence(emulator: EmulatorProcess, payload: Any) -> None:
    _, body = invoke(emulator, payload)
    text, meta = parse(json.loads(body))
    assert text.startswith("The payload must be a JSON object")
    assert meta["error"] == "payload"


def test_every_message_is_durable_when_the_answer_is_there(visitor: Visitor, stored: Events) -> None:
    ada = visitor()
    for event in ada.stream("What is 14 * 3?"):
        if event.kind == "meta":
            events = stored(ada)  # asked while the stream is still open
    said = [event["payload"][0]["conversational"] for event in events]
    assert [(one["role"], one["content"]["text"]) for one in said] == [
        ("USER", "What is 14 * 3?"),
        ("TOOL", "42"),
        ("ASSISTANT", "14 * 3 = 42."),
    ]


def test_what_is_stored_has_an_order(visitor: Visitor, stored: Events) -> None:
    ada = visitor()
    ada.chat("What is 14 * 3?")
    ada.new_session()
    ada.chat("and that plus 34?")
    stamps = [event["eventTimestamp"] for event in stored(ada)]
    assert len(stamps) == 6
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))


def test_forgetting_empties_both_tiers(visitor: Visitor, stored: Events) -> None:
    ada = visitor()
    ada.chat("What is 14 * 3?")
    other = visitor()
    other.chat("My name is Bob")
    reply = ada.forget()
    assert reply.meta["forgotten"] == "3"
    assert stored(ada) == []
    reply = ada.chat("What was the result?")
    assert reply.meta["memory_source"] == "none"
    assert "42" not in reply.text
    assert "Bob" in other.chat("What is my name?").text


def test_more_than_a_page_is_forgotten(visitor: Visitor, stored: Events, say: Say) -> None:
    ada = visitor()
    for number in range(105):
        say(ada, 1_700_000_000 + number, "USER", f"message {number}")
    assert ada.forget().meta["forgotten"] == "105"
    assert stored(ada) == []


def test_messages_from_a_clock_that_is_ahead_stay_before_what_follows(
    visitor: Visitor, stored: Events, say: Say
) -> None:
    ada = visitor()
    say(ada, 4_000_000_000, "USER", "What is 1 + 1?")
    say(ada, 4_000_000_001, "ASSISTANT", "1 + 1 = 2.")
    assert "2 + 5 = 7" in ada.chat("and that plus 5?").text
    stamps = [event["eventTimestamp"] for event in stored(ada)]
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    ada.new_session()
    assert "2 + 5 = 7" in ada.chat("What was the result?").text


def test_without_a_memory_there_is_still_ram(emulator: EmulatorProcess) -> None:
    ada = AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore"))
    assert "14 * 3 = 42" in ada.chat("What is 14 * 3?").text
    reply = ada.chat("and that plus 34?")
    assert "42 + 34 = 76" in reply.text
    assert (reply.meta["memory"], reply.meta["memory_source"]) == ("off", "ram")
    assert ada.memory_query().text == "There is no durable memory: BEDROCK_AGENTCORE_MEMORY_ID is not set."
    ada.new_session()
    assert ada.chat("What was the result?").meta["memory_source"] == "none"


def test_a_memory_that_fails_is_told_and_survived(
    tmp_path: Path, with_memory: Callable[[Path, str], EmulatorProcess]
) -> None:
    with with_memory(tmp_path, "gone_memory-0123456789") as emulator:
        ada = AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore"))
        reply = ada.chat("What is 14 * 3?")
        assert "14 * 3 = 42" in reply.text
        assert reply.meta["memory"] == "failed"
        reply = ada.chat("and that plus 34?")
        assert "42 + 34 = 76" in reply.text
        assert (reply.meta["memory"], reply.meta["memory_source"]) == ("failed", "ram")
        assert "could not be read" in ada.memory_query().text
        assert "could not be emptied" in ada.forget().text
    # It is asked for again with every message, in case it comes back.
    assert emulator.log.count("AgentCore Memory could not be read") == 3
    assert emulator.log.count("AgentCore Memory could not be written") == 2


def test_a_model_that_fails_is_told(agent_file: Path) -> None:
    with EmulatorProcess(agent_file, "--quirks", "strict", env={"MODEL_ID": "no such model!"}) as emulator:
        ada = AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore"))
        for stream in (False, True):
            reply = ada.chat("Hello", stream=stream)
            assert reply.error.startswith("The model gave no answer: An error occurred (ValidationException)")
            assert reply.meta["error"] == "model"
            assert reply.text == ""
        assert ada.chat("Hello").meta["memory_source"] == "none"  # an unanswered question is no turn


def test_words_around_a_tool_call_do_not_run_together(agent_file: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        r"""
        rules:
          - name: thinks aloud
            when: {user: '(?P<product>\d+ \* \d+)'}
            say: Let me see.
            call: {tool: calculator, input: {expression: '{product}'}}
        """,
        encoding="utf-8",
    )
    with EmulatorProcess(agent_file, "--model-rules", str(rules)) as emulator:
        ada = AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore"))
        assert ada.chat("What is 14 * 3?").text == "Let me see.\n14 * 3 = 42."
        assert "42 + 34 = 76" in ada.chat("and that plus 34?").text


def test_a_crash_of_the_emulator_loses_nothing_that_was_answered(
    tmp_path: Path, new_memory: Callable[[Path], str], with_memory: Callable[[Path, str], EmulatorProcess]
) -> None:
    memory_id = new_memory(tmp_path)
    with with_memory(tmp_path, memory_id) as emulator:
        AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore")).chat("What is 14 + 34?")
        emulator.kill()
    with with_memory(tmp_path, memory_id) as emulator:
        reply = AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore")).chat("What was the result?")
    assert "14 + 34 = 48" in reply.text
    assert reply.meta["memory_source"] == "durable"


def test_the_toolkits_configuration_names_this_agent(agent_file: Path) -> None:
    with EmulatorProcess(agent_file.parent) as emulator:
        assert [runtime["name"] for runtime in emulator.info["runtimes"]] == ["memory_agent"]
        assert AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore")).ping().text == "pong (cold)"
