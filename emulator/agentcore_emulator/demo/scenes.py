"""The scenes with the reference agent: cold and warm, streaming, memory across sessions, isolation, a crash."""

from __future__ import annotations

from typing import Any

from agentcore_emulator.demo.board import Board
from agentcore_emulator.demo.stage import Stage
from agentcore_emulator.testing import EmulatorProcess

__all__ = ["after_a_crash", "cold_and_warm", "memory_across_sessions", "streaming", "user_isolation"]

_LONG_QUESTION = "Tell me about microVMs"


def client(stage: Stage, emulator: EmulatorProcess, user: str) -> Any:
    """The reference agent's client for one user, in a new session, on boto3 with nothing but an endpoint."""
    return stage.client_module.AgentClient(emulator.arn, user_id=user, client=emulator.client("bedrock-agentcore"))


def cold_and_warm(board: Board, stage: Stage, emulator: EmulatorProcess) -> None:
    """Pings: one microVM per session, and globals that live as long as it."""
    board.scene(
        "Cold and warm starts",
        "Each session has a microVM of its own, here a process. Its globals start cold and stay warm while it lives.",
    )
    ada = client(stage, emulator, "ada")
    rows = []
    replies = []
    for session in ("A", "A", "A", "A", "B"):
        if session == "B":
            ada.new_session()
        reply = ada.ping()
        replies.append(reply)
        rows.append(
            (session, reply.meta["cache"], str(reply.meta["invocation_count"]), f"{reply.seconds * 1000:,.0f} ms")
        )
    board.table(("session", "cache", "invocation", "took"), rows)
    counts = [int(reply.meta["invocation_count"]) for reply in replies]
    board.check("session A starts cold and then counts on in the same globals", counts[:4] == [1, 2, 3, 4], str(counts))
    board.check("session B starts cold, in a microVM of its own", replies[4].meta["cache"] == "cold" and counts[4] == 1)
    pids = {session["pid"] for session in emulator.sessions()}
    board.check("two sessions, two processes", len(pids) == 2, f"{len(pids)}")


def streaming(board: Board, stage: Stage, emulator: EmulatorProcess) -> None:
    """The same answer with and without streaming, tokens shown as they come."""
    board.scene(
        "Streaming", "The same question twice. Streamed, the first words are there while the rest is being said."
    )
    ada = client(stage, emulator, "ada")
    ada.ping()
    board.say("ada", _LONG_QUESTION)
    text, first, last, seen_while_running = "", 0.0, 0.0, 0
    for event in ada.stream(_LONG_QUESTION):
        last = event.seconds
        if event.kind == "text":
            first = first or event.seconds
            seen_while_running += 1
            text += event.text
            board.console.print(event.text, end="", style="italic", markup=False, highlight=False)
    board.console.print()
    whole = ada.chat(_LONG_QUESTION)
    board.table(
        ("", "first words after", "whole after", "characters"),
        [
            ("streamed", f"{first * 1000:,.0f} ms", f"{last * 1000:,.0f} ms", f"{len(text):,}"),
            (
                "unstreamed",
                f"{whole.seconds * 1000:,.0f} ms",
                f"{whole.seconds * 1000:,.0f} ms",
                f"{len(whole.text):,}",
            ),
        ],
    )
    board.check("the stream arrives in many pieces, the first before the end", seen_while_running > 10 and first < last)
    board.check(
        "unstreamed, the agent keeps within the 1,024 bytes that clients are sure to read, and says that it cut",
        whole.meta.get("truncated") == "yes" and text.startswith(whole.text[:100]),
        str(whole.meta),
    )


def memory_across_sessions(board: Board, stage: Stage, emulator: EmulatorProcess) -> None:
    """A calculation on one session, recalled on another."""
    board.scene(
        "Two-tier memory",
        "Within a session the agent remembers in RAM. A new session has none, and reads AgentCore Memory instead.",
    )
    grace = client(stage, emulator, "grace")
    rows = []
    for session, question, source, expected in (
        ("A", "What is 2 * 7?", "none", "14"),
        ("A", "and that plus 34?", "ram", "48"),
        ("B", "What was the result of my last calculation?", "durable", "48"),
    ):
        if session == "B":
            grace.new_session()
        reply = grace.chat(question)
        rows.append((session, question, reply.text.strip().replace("\n", " "), reply.meta["memory_source"]))
        board.check(
            f"session {session}: {question!r} answered with {expected}, memory from {source}",
            expected in reply.text and reply.meta["memory_source"] == source,
            f"{reply.text!r} from {reply.meta['memory_source']}{reply.error}",
        )
    board.table(("session", "grace asks", "the agent answers", "memory from"), rows)


def user_isolation(board: Board, stage: Stage, emulator: EmulatorProcess) -> None:
    """A second user sees nothing of the first."""
    board.scene("User isolation", "Another user asks the same agent what was calculated.")
    mallory = client(stage, emulator, "mallory")
    reply = mallory.chat("What was the result of my last calculation?")
    board.say("mallory", "What was the result of my last calculation?")
    board.say("agent", reply.text.strip())
    board.check(
        "nothing of grace's numbers is in the answer",
        not any(number in reply.text for number in ("14", "48", "34")) and reply.meta["memory_source"] == "none",
        reply.text,
    )


def after_a_crash(board: Board, stage: Stage, killed: str) -> None:
    """A new emulator on the old state, after the first was killed."""
    board.scene("A crash", killed)
    with stage.emulator() as emulator:
        grace = client(stage, emulator, "grace")
        reply = grace.chat("What was the result of my last calculation?")
        board.say("grace", "What was the result of my last calculation?")
        board.say("agent", reply.text.strip())
        board.check(
            "the new emulator's agent still knows, from durable memory",
            "48" in reply.text and reply.meta["memory_source"] == "durable",
            f"{reply.text!r} from {reply.meta['memory_source']}{reply.error}",
        )
