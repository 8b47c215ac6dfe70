"""Twelve steps that show the agent and the platform working together; the times they took are printed at the end."""

from collections.abc import Callable

import pytest
from agent_client import AgentClient, Reply

Visitor = Callable[[], AgentClient]
Timed = Callable[[str, Reply], Reply]


def test_step_1_the_first_ping_is_cold(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    pong = timed("ping, cold", ada.ping())
    assert pong.error == ""
    assert pong.text == "pong (cold)"
    assert pong.meta["cache"] == "cold"
    assert pong.meta["invocation_count"] == "1"
    assert pong.meta["session_id"] == ada.session_id
    assert pong.meta["memory"] == "on"
    assert int(pong.meta["init_ms"]) >= 0


@pytest.mark.parametrize("count", [2, 3, 4], ids=["step_2", "step_3", "step_4"])
def test_the_next_ping_is_warm(visitor: Visitor, timed: Timed, count: int) -> None:
    ada = visitor()
    pings = [ada.ping() for _ in range(count)]
    pong = timed("ping, warm", pings[-1])
    assert (pong.meta["cache"], pong.meta["invocation_count"]) == ("warm", str(count))
    assert pong.meta["init_ms"] == pings[0].meta["init_ms"]


def test_step_5_a_new_session_is_cold(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    first, before = ada.session_id, ada.ping()
    ada.new_session()
    pong = timed("ping, cold", ada.ping())
    assert (pong.meta["cache"], pong.meta["invocation_count"]) == ("cold", "1")
    assert pong.meta["session_id"] == ada.session_id != first == before.meta["session_id"]
    ada.session_id = first
    assert ada.ping().meta["invocation_count"] == "2"  # and the old one is still warm


def test_step_6_a_stranger_has_no_memory(visitor: Visitor, timed: Timed) -> None:
    reply = timed("chat, cold", visitor().chat("What is 2 * 7?"))
    assert reply.error == ""
    assert "2 * 7 = 14" in reply.text
    assert (reply.meta["cache"], reply.meta["memory_source"]) == ("cold", "none")


def test_step_7_a_warm_session_remembers_from_ram(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    ada.chat("My name is Ada")
    reply = timed("chat, warm", ada.chat("What is my name?"))
    assert "Ada" in reply.text
    assert (reply.meta["cache"], reply.meta["memory_source"]) == ("warm", "ram")


def test_step_8_a_follow_up_goes_on_from_the_result(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    ada.chat("What is 2 * 7?")
    reply = timed("chat, warm", ada.chat("and that plus 34?"))
    assert "14 + 34 = 48" in reply.text
    assert reply.meta["memory_source"] == "ram"


def test_step_9_a_new_session_remembers_from_durable_memory(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    ada.chat("What is 14 + 34?")
    ada.new_session()
    reply = timed("chat, cold", ada.chat("What was the result?"))
    assert "14 + 34 = 48" in reply.text
    assert (reply.meta["cache"], reply.meta["memory_source"]) == ("cold", "durable")
    reply = timed("chat, warm", ada.chat("now multiply it by 2"))
    assert "48 * 2 = 96" in reply.text
    assert (reply.meta["cache"], reply.meta["memory_source"]) == ("warm", "ram")


def test_step_10_users_do_not_see_each_other(visitor: Visitor) -> None:
    ada, bob = visitor(), visitor()
    ada.chat("What is 14 + 34?")
    bob.session_id = ada.session_id  # even in one microVM, since a client may do that
    reply = bob.chat("What was the result?")
    assert reply.meta["cache"] == "warm"
    assert reply.meta["memory_source"] == "none"
    assert "48" not in reply.text
    assert "no calculation" in reply.text
    bob.new_session()
    assert "48" not in bob.memory_query().text
    assert "48" in ada.memory_query().text


def test_step_11_memory_sessions_do_not_see_each_other(visitor: Visitor) -> None:
    ada = visitor()
    ada.memory_session_id = "work"
    ada.chat("What is 14 + 34?")
    ada.memory_session_id = "home"
    for reply in (ada.chat("What was the result?"), ada.memory_query()):
        assert "48" not in reply.text.replace(ada.session_id, "")
    ada.new_session()
    ada.memory_session_id = "work"
    reply = ada.chat("What was the result?")
    assert "14 + 34 = 48" in reply.text
    assert reply.meta["memory_source"] == "durable"


def test_step_12_durable_memory_can_be_read_without_a_model(visitor: Visitor, timed: Timed) -> None:
    ada = visitor()
    assert ada.memory_query().text == "AgentCore Memory holds nothing of this conversation."
    ada.chat("My name is Ada")
    ada.chat("What is 14 + 34?")
    reply = timed("memory query", ada.memory_query())
    lines = reply.text.splitlines()
    assert lines[0] == "user: My name is Ada"
    assert lines[2] == "user: What is 14 + 34?"
    assert "14 + 34 = 48" in lines[3]
    assert (reply.meta["memory_source"], reply.meta["turns"]) == ("durable", "2")
