"""A plain model of a memory's conversations: what was stored, and what a listing must show of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Conversation", "Listing", "Place", "Reading", "Stored"]

Place = tuple[str, str]
"""Actor and conversation, by the short names that a history has for them."""


@dataclass
class Stored:
    """An event: what was `given` to make it, what is `shown` of it, and when it `expires`."""

    given: Mapping[str, Any]
    shown: dict[str, Any]
    expires: float

    @property
    def event_id(self) -> str:
        """By which events are in order."""
        return str(self.shown["eventId"])

    @property
    def branch(self) -> str:
        """The name of its branch."""
        return str(self.shown["branch"]["name"])

    def meets(self, key: str, operator: str, value: str | None) -> bool:
        """Whether a filter on metadata lets it through."""
        metadata: dict[str, dict[str, str]] = self.shown.get("metadata", {})
        match operator:
            case "EXISTS":
                return key in metadata
            case "NOT_EXISTS":
                return key not in metadata
            case _:
                return key in metadata and metadata[key]["stringValue"] == value


@dataclass
class Conversation:
    """The events of a session, and by branch the root event and the branch on which that lies."""

    created: float
    events: list[Stored] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    empty_since: float = 0.0
    changes: int = 0

    def live(self, now: float) -> list[Stored]:
        """What has not expired, in the order in which it was saved."""
        return [event for event in self.events if event.expires > now]

    def in_branch(self, event: Stored, name: str, parents: bool) -> bool:
        """Whether a filter on a branch lets an event through."""
        limit = "~"
        while event.branch != name:
            if not parents or name not in self.parents:
                return False
            limit, name = self.roots[name], self.parents[name]
        return event.event_id <= limit


@dataclass(frozen=True)
class Reading:
    """A listing that was left in the middle, after `last` and after `changes` of the conversation."""

    place: Place
    narrowed: Mapping[str, Any]
    token: str
    last: str
    changes: int


@dataclass(frozen=True)
class Listing:
    """A page that is asked for, `after` another one or from the beginning."""

    place: Place
    narrowed: Mapping[str, Any]
    size: int
    after: Reading | None = None

    def request(self) -> dict[str, Any]:
        """The members of ListEvents."""
        given: dict[str, Any] = {"maxResults": self.size}
        if self.narrowed:
            given["filter"] = {**self.narrowed}
        if "eventMetadata" in self.narrowed:
            given["filter"]["eventMetadata"] = [
                {"left": {"metadataKey": key}, "operator": operator}
                | ({} if value is None else {"right": {"metadataValue": {"stringValue": value}}})
                for key, operator, value in self.narrowed["eventMetadata"]
            ]
        if self.after:
            given["nextToken"] = self.after.token
        return given
