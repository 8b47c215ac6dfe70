"""The agent's memory in two tiers: RAM while the microVM is warm, AgentCore Memory when it is cold.

Reading RAM costs nothing, but it is gone with the microVM. Every message is therefore also written to AgentCore Memory,
in the background while the model works, and a cold start begins with what is found there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from durable_memory import DurableMemory, Role, Scope, Utterance
from strands.hooks import HookProvider, HookRegistry, MessageAddedEvent
from strands.types.content import Message

# Questions with their answers that a prompt carries at most.
HISTORY_TURNS = 20

Source = Literal["none", "ram", "durable"]


@dataclass(frozen=True)
class Recollection:
    """What is remembered of a conversation, where it came from, and why AgentCore Memory could not be read, if so."""

    turns: list[Utterance]
    source: Source
    problem: ClientError | BotoCoreError | None = None


@dataclass
class _Conversation:
    turns: list[Utterance] = field(default_factory=list)
    # False while AgentCore Memory could not be read: the turns are then only those since the cold start.
    complete: bool = True


class TwoTierMemory:
    """Remembers conversations by runtime session and scope. `durable` is None when there is no AgentCore Memory."""

    def __init__(self, durable: DurableMemory | None) -> None:
        self._durable = durable
        # A microVM serves one runtime session, but the same file run by hand serves all of them.
        self._ram: dict[tuple[str, Scope], _Conversation] = {}
        self._lock = threading.Lock()

    def recall(self, session_id: str, scope: Scope) -> Recollection:
        """The turns of a conversation: from RAM if it is there, else from AgentCore Memory, which takes a request."""
        known = self._ram.get((session_id, scope))
        if known is not None and known.complete:
            return Recollection(known.turns, "ram" if known.turns else "none")
        loaded: list[Utterance] = []
        if self._durable is not None:
            try:
                loaded = whole_turns(self._durable.load(scope))
            except (ClientError, BotoCoreError) as problem:
                # The conversation must go on without it, and with the next message it is tried again.
                known = self._ram.setdefault((session_id, scope), _Conversation(complete=False))
                return Recollection(known.turns, "ram" if known.turns else "none", problem)
        self._ram[session_id, scope] = _Conversation(loaded)
        return Recollection(loaded, "durable" if loaded else "none")

    def begin_turn(self, session_id: str, scope: Scope) -> Turn:
        """A Strands hook that keeps what is said from here on; call its `finish` before the answer ends."""
        return Turn(self, session_id, scope, self._durable)

    def forget(self, scope: Scope) -> int:
        """Forgets a thread in both tiers and returns how many durable messages it had.

        Other microVMs that are warm keep their own RAM until they end. Raises ClientError or BotoCoreError.
        """
        with self._lock:
            for key in [key for key in self._ram if key[1] == scope]:
                del self._ram[key]
        return self._durable.forget(scope) if self._durable is not None else 0

    def add(self, session_id: str, scope: Scope, said: list[Utterance]) -> None:
        """Adds a finished turn to RAM, whole, so that two at once in one session do not interleave."""
        with self._lock:
            conversation = self._ram.setdefault((session_id, scope), _Conversation())
            conversation.turns = whole_turns(conversation.turns + said)


class Turn(HookProvider):
    """One question and its answer, followed through Strands' MessageAddedEvent."""

    def __init__(self, memory: TwoTierMemory, session_id: str, scope: Scope, durable: DurableMemory | None) -> None:
        self._memory = memory
        self._session_id = session_id
        self._scope = scope
        self._durable = durable
        self._said: list[Utterance] = []
        self._saves: list[Future[None]] = []

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Called by Strands."""
        registry.add_callback(MessageAddedEvent, self._added)

    def _added(self, event: MessageAddedEvent) -> None:
        for utterance in spoken(event.message):
            self._said.append(utterance)
            if self._durable is not None:
                self._saves.append(self._durable.save(self._scope, utterance))

    def finish(self) -> None:
        """Waits until every message of the turn is durable, and puts the turn into RAM.

        Blocks for as long as the requests take. Raises the ClientError or BotoCoreError of the first that failed; RAM
        has the turn even then.
        """
        self._memory.add(self._session_id, self._scope, self._said)
        for save in self._saves:
            save.result()


def spoken(message: Message) -> list[Utterance]:
    """A Strands message as utterances: its texts in one, and each tool result by itself."""
    role: Role = "USER" if message["role"] == "user" else "ASSISTANT"
    texts = "".join(block["text"] for block in message["content"] if "text" in block)
    found = [Utterance(role, texts)] if texts.strip() else []
    results = (block["toolResult"] for block in message["content"] if "toolResult" in block)
    said_by_tools = (item["text"] for result in results for item in result["content"] if "text" in item)
    return found + [Utterance("TOOL", text) for text in said_by_tools if text.strip()]


def whole_turns(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Whole turns, question and answer alternating, the newest HISTORY_TURNS of them: what a model accepts as history.

    What tools said is left out. Text around a tool call belongs to one answer. A question that was never answered,
    because the model failed or the microVM died, is dropped when the next is asked.
    """
    kept: list[Utterance] = []
    for utterance in utterances:
        last = kept[-1].role if kept else None
        if utterance.role == "USER":
            if last == "USER":
                kept.pop()
            kept.append(utterance)
        elif utterance.role == "ASSISTANT" and last == "USER":
            kept.append(utterance)
        elif utterance.role == "ASSISTANT" and last == "ASSISTANT":
            kept[-1] = Utterance("ASSISTANT", f"{kept[-1].text}\n{utterance.text}")
    if kept and kept[-1].role == "USER":
        kept.pop()
    return kept[-2 * HISTORY_TURNS :]


def messages(turns: Iterable[Utterance]) -> list[Message]:
    """Turns as the history that Strands' Agent takes."""
    return [
        {"role": "user" if turn.role == "USER" else "assistant", "content": [{"text": turn.text}]} for turn in turns
    ]
