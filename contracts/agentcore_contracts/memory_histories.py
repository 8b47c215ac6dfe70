"""Histories of a memory's conversations, beside a plain model of what they must look like.

The machine knows no more than what AWS promises or people have seen of it. Whoever knows more of a target, as the
emulator's own tests do, overrides what begins with `allows`, `expects` or `check`.
"""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agentcore_contracts.memory import Memory
from agentcore_contracts.memory_model import Conversation, Listing, Place, Reading, Stored

__all__ = ["ACTORS", "MemoryHistories"]


ACTORS = st.sampled_from(["a", "b/1"])
_CONVERSATIONS = st.sampled_from(["s", "t"])
_BRANCHES = st.sampled_from(["main", "left", "right", "deep"])
_TOKENS = st.sampled_from([None, None, None, "t", "u"])
_KEYS = st.sampled_from(["k", "a.b", "tab\t"])
_VALUES = st.sampled_from(["", "v", "V"])
_DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
    # botocore cannot read an event whose document is null and nothing else.
).filter(lambda document: document is not None)
_EVENTS = st.fixed_dictionaries(
    {
        # Few, so that they come out of order, and where a machine wants that, several at one time.
        "at": st.integers(0, 6),
        "document": _DOCUMENTS,
        "metadata": st.none() | st.dictionaries(_KEYS, _VALUES, max_size=2),
        "branch": _BRANCHES,
        "token": _TOKENS,
    }
)
_EXPRESSIONS = st.one_of(
    st.tuples(_KEYS, st.just("EXISTS"), st.none()),
    st.tuples(_KEYS, st.just("NOT_EXISTS"), st.none()),
    st.tuples(_KEYS, st.just("EQUALS_TO"), _VALUES),
)
_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "branch": st.fixed_dictionaries({"name": _BRANCHES}, optional={"includeParentBranches": st.booleans()}),
        "eventMetadata": st.lists(_EXPRESSIONS, min_size=1, max_size=2),
    },
)


class MemoryHistories(RuleBasedStateMachine):
    """Conversations of two actors of `memory`, whom nobody else has."""

    memory: ClassVar[Memory]

    def __init__(self) -> None:
        super().__init__()
        self.example = uuid.uuid4().hex
        self.conversations: dict[Place, Conversation] = {}
        self.reading: list[Reading] = []
        self._made = 0
        self._spent: set[str] = set()

    # What a target may promise beyond AWS.

    lifetime: ClassVar[float] = math.inf
    """After how many seconds events expire."""

    def now(self) -> float:
        """The target's time, if it can be known."""
        return 0.0

    def expects_time(self, at: int) -> datetime.datetime:
        """The time of a new event. No two are the same, since nobody has promised an order of such events."""
        return self.memory.start + datetime.timedelta(seconds=at, milliseconds=self._made)

    def expects_token(self, place: Place, name: str) -> str:
        """A token in full. Nobody has said whether one is the conversation's or the memory's."""
        return f"{self.example}-{place[0]}-{place[1]}-{name}"

    def allows_token(self, token: str) -> bool:
        """Whether a token is used. Nobody has said whether that of a deleted event is forgotten."""
        return token not in self._spent

    def expects_repetition(self, given: dict[str, Any], made: Stored) -> dict[str, Any]:
        """The request that has a token again. Only that another time is no error has been seen."""
        return {**made.given, "eventTimestamp": given["eventTimestamp"]}

    def allows_deletion(self, conversation: Conversation, event: Stored) -> bool:
        """Whether an event is deleted. What becomes of a branch without its root, or without events, is unknown."""
        alone = [other for other in conversation.events if other.branch == event.branch] == [event]
        return event.event_id not in conversation.roots.values() and (event.branch == "main" or not alone)

    def allows_going_on(self, reading: Reading) -> bool:
        """Whether a listing goes on. Nobody has said how events are listed that come and go meanwhile."""
        return self.conversations[reading.place].changes == reading.changes

    def check_repeated(self, shown: dict[str, Any], made: Stored) -> None:
        """Look at the answer to a repetition, which the model says is ignored without an error."""

    def check_same(self, shown: dict[str, Any], expected: dict[str, Any]) -> None:
        """Compare events. Not every event of a branch may show the root, and none may show metadata without keys."""

        def sure(event: dict[str, Any]) -> dict[str, Any]:
            return {**event, "branch": event["branch"]["name"], "metadata": event.get("metadata") or None}

        assert sure(shown) == sure(expected)

    def check_page(self, answer: Mapping[str, Any], expected: Sequence[Stored], asked: Listing) -> None:
        """Look at a page, which may be short and yet have a token."""
        shown = answer["events"]
        assert len(shown) <= asked.size
        assert [event["eventId"] for event in shown] == [event.event_id for event in expected[: len(shown)]]
        assert answer.get("nextToken") or len(shown) == len(expected)
        for event, known in zip(shown, expected, strict=False):
            self.check_same(event, known.shown)

    def check_conversations(self, actor: str, full: bool, answer: Mapping[str, Any]) -> None:
        """Look at ListSessions. Empty ones may be there for a day."""
        listed = sorted(summary["sessionId"] for summary in answer["sessionSummaries"])
        known = {name: bool(one.live(self.now())) for (who, name), one in self.conversations.items() if who == actor}
        assert len(set(listed)) == len(listed)
        assert {name for name, has_events in known.items() if has_events} <= set(listed) <= set(known)
        assert not full or all(known[name] for name in listed)

    def forget(self) -> None:
        """Drop the conversations that the target has forgotten."""

    # The history.

    def on(self, place: Place, operation: str, **given: Any) -> dict[str, Any]:
        """Call an operation by its name in Python."""
        where = {"memoryId": self.memory.id, "actorId": self.actor_id(place[0]), "sessionId": place[1]}
        answer: dict[str, Any] = getattr(self.memory.client, operation)(**where, **given)
        answer.pop("ResponseMetadata", None)
        return answer

    def actor_id(self, actor: str) -> str:
        """An actor's name in full."""
        return f"{self.example}-{actor}"

    @initialize(data=st.data(), said=st.lists(_EVENTS, min_size=4, max_size=10))
    def begin(self, data: st.DataObject, said: list[dict[str, Any]]) -> None:
        """With a conversation that is long enough for pages and forks."""
        for event in said:
            self._create((data.draw(ACTORS), "s"), event, data)

    @rule(actor=ACTORS, name=_CONVERSATIONS, said=st.lists(_EVENTS, min_size=1, max_size=4), data=st.data())
    def go_on(self, actor: str, name: str, said: list[dict[str, Any]], data: st.DataObject) -> None:
        """Save events."""
        for event in said:
            self._create((actor, name), event, data)

    def _create(self, place: Place, event: Mapping[str, Any], data: st.DataObject) -> None:
        self.forget()
        now = self.now()
        conversation = self.conversations.get(place, Conversation(now))
        live = conversation.live(now)
        given, possible = self._request(place, conversation, event, data)
        token = given.get("clientToken")
        for other in self.conversations.values():
            for made in other.live(now):
                if token is not None and made.given.get("clientToken") == token:
                    again = self.on(place, "create_event", **self.expects_repetition(given, made))
                    self.check_repeated(again["event"], made)
                    return
        if not possible:
            with pytest.raises(self.memory.client.exceptions.ValidationException):
                self.on(place, "create_event", **given)
            return
        shown = self.on(place, "create_event", **given)["event"]
        root = given.get("branch", {}).get("rootEventId", conversation.roots.get(event["branch"]))
        where = {"memoryId": self.memory.id, "actorId": self.actor_id(place[0]), "sessionId": place[1]}
        expected = {**where, **given, "eventId": shown["eventId"]}
        expected.pop("clientToken", None)
        expected["branch"] = {"name": event["branch"]} | ({} if root is None else {"rootEventId": root})
        self.check_same(shown, expected)
        milliseconds = round(given["eventTimestamp"].timestamp() * 1000)
        assert shown["eventId"].startswith(f"{milliseconds:019}#")
        if root is not None and event["branch"] not in conversation.roots:
            conversation.parents[event["branch"]] = next(one for one in live if one.event_id == root).branch
            conversation.roots[event["branch"]] = root
        conversation.events.append(Stored(given, shown, now + self.lifetime))
        conversation.changes += 1
        self.conversations[place] = conversation
        self._made += 1

    def _request(
        self, place: Place, conversation: Conversation, event: Mapping[str, Any], data: st.DataObject
    ) -> tuple[dict[str, Any], bool]:
        """The members of CreateEvent, and whether they make sense: a new branch needs a root."""
        given: dict[str, Any] = {
            "eventTimestamp": self.expects_time(event["at"]),
            "payload": [{"blob": event["document"]}],
        }
        if event["metadata"] is not None:
            given["metadata"] = {key: {"stringValue": value} for key, value in event["metadata"].items()}
        if event["token"] is not None and self.allows_token(token := self.expects_token(place, event["token"])):
            given["clientToken"] = token
        if event["branch"] == "main":
            return given, True
        given["branch"] = {"name": event["branch"]}
        if event["branch"] in conversation.roots:
            return given, True
        live = conversation.live(self.now())
        if live:
            given["branch"]["rootEventId"] = data.draw(st.sampled_from(live)).event_id
        return given, bool(live)

    @precondition(lambda self: self.conversations)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete an event, or fail to delete one that has expired."""
        place = data.draw(st.sampled_from(sorted(self.conversations)))
        conversation, now = self.conversations[place], self.now()
        events = [event for event in conversation.events if self.allows_deletion(conversation, event)]
        if not events:
            return
        event = data.draw(st.sampled_from(events))
        if event.expires <= now:
            with pytest.raises(self.memory.client.exceptions.ResourceNotFoundException):
                self.on(place, "delete_event", eventId=event.event_id)
            return
        assert self.on(place, "delete_event", eventId=event.event_id) == {"eventId": event.event_id}
        conversation.events.remove(event)
        conversation.changes += 1
        self._spent.add(event.given.get("clientToken", ""))
        if not conversation.live(now):
            conversation.empty_since = now

    @precondition(lambda self: self.conversations)
    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        """Get each event of a conversation."""
        place = data.draw(st.sampled_from(sorted(self.conversations)))
        for event in self.conversations[place].live(self.now()):
            self.check_same(self.on(place, "get_event", eventId=event.event_id)["event"], event.shown)

    @rule(data=st.data(), narrowed=_FILTERS, size=st.integers(1, 3))
    def start_listing(self, data: st.DataObject, narrowed: dict[str, Any], size: int) -> None:
        """List a page, perhaps of what does not exist."""
        place = data.draw(st.sampled_from([*sorted(self.conversations), ("a", "unknown")]))
        if reading := self._page(Listing(place, narrowed, size)):
            self.reading.append(reading)

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), size=st.integers(1, 3))
    def go_on_listing(self, data: st.DataObject, size: int) -> None:
        """List the page after another one."""
        reading = data.draw(st.sampled_from(self.reading))
        if not self.allows_going_on(reading):
            return
        if rest := self._page(Listing(reading.place, reading.narrowed, size, reading)):
            self.reading.append(rest)

    @precondition(lambda self: self.conversations)
    @rule(data=st.data(), parents=st.booleans(), expression=_EXPRESSIONS, size=st.integers(1, 3))
    def list_to_the_end(self, data: st.DataObject, parents: bool, expression: Any, size: int) -> None:
        """List each branch, and by metadata, to the last page."""
        place = data.draw(st.sampled_from(sorted(self.conversations)))
        names = ("main", *self.conversations[place].roots)
        filters: list[dict[str, Any]] = [{"eventMetadata": [expression]}]
        filters += [{"branch": {"name": name, "includeParentBranches": parents}} for name in names]
        for narrowed in filters:
            reading = self._page(Listing(place, narrowed, size))
            while reading:
                reading = self._page(Listing(place, narrowed, size, reading))

    def _page(self, asked: Listing) -> Reading | None:
        """Look at one page, and say where it has stopped."""
        place, narrowed, after = asked.place, asked.narrowed, asked.after
        expected = [e for e in self.matching(place, narrowed) if after is None or e.event_id < after.last]

        def fits(answer: Mapping[str, Any]) -> bool:
            shown = [event["eventId"] for event in answer["events"]]
            whole = bool(answer.get("nextToken")) or len(shown) == len(expected)
            return whole and shown == [event.event_id for event in expected[: len(shown)]]

        answer = self.memory.until(lambda: self.on(place, "list_events", **asked.request()), fits)
        self.check_page(answer, expected, asked)
        if not answer.get("nextToken"):
            return None
        last = answer["events"][-1]["eventId"] if answer["events"] else (after.last if after else "~")
        return Reading(place, narrowed, answer["nextToken"], last, self.conversations[place].changes)

    def matching(self, place: Place, narrowed: Mapping[str, Any]) -> Iterator[Stored]:
        """The events that a filter lets through, newest first."""
        conversation = self.conversations.get(place)
        if conversation is None:
            return
        branch = narrowed.get("branch")
        for event in sorted(conversation.live(self.now()), key=lambda one: one.event_id, reverse=True):
            if branch and not conversation.in_branch(event, branch["name"], branch.get("includeParentBranches", False)):
                continue
            if all(event.meets(*expression) for expression in narrowed.get("eventMetadata", ())):
                yield event

    @rule(actor=ACTORS, full=st.booleans())
    def list_conversations(self, actor: str, full: bool) -> None:
        """List an actor's sessions, all or those that have events."""
        given = {"filter": {"eventFilter": "HAS_EVENTS"}} if full else {}
        answer = self.memory.client.list_sessions(memoryId=self.memory.id, actorId=self.actor_id(actor), **given)
        answer.pop("ResponseMetadata", None)
        self.check_conversations(actor, full, answer)
