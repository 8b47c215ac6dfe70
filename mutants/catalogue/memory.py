"""AgentCore Memory: which events are there, for whom, and in which order."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="events-in-the-order-of-saving",
        file="memory/events.py",
        old=".order_by(events.c.event_id.desc())",
        new=".order_by(events.c.key.desc())",
        breaks="A conversation that is saved late is read in the wrong order.",
        contracts=("ME-001",),
    ),
    Mutant(
        name="event-ids-do-not-sort",
        file="memory/ids.py",
        old='f"{timestamp:019d}#{secrets.token_hex(4)}"',
        new='f"{secrets.token_hex(4)}#{timestamp:019d}"',
        breaks="Whoever sorts events by their ids mixes them up.",
        contracts=("ME-002",),
    ),
    Mutant(
        name="event-lost-between-pages",
        file="paging.py",
        old="self.token(str(rows[size - 1]._mapping[column]))",
        new="self.token(str(rows[size]._mapping[column]))",
        breaks="The first event of every further page is missing.",
        contracts=("ME-003",),
    ),
    Mutant(
        name="last-page-comes-first",
        file="memory/events.py",
        old=".limit(size + 1)\n    )\n    rows",
        new=".limit(size)\n    )\n    rows",
        breaks="A listing ends after its first page.",
        contracts=("ME-003",),
    ),
    Mutant(
        name="page-is-one-too-long",
        file="memory/events.py",
        old='[_event(row) for row in rows[:size]], **listing.continued(rows, size, "event_id")',
        new='[_event(row) for row in rows], **listing.continued(rows, size, "event_id")',
        breaks="A page has one event more than was asked for, which the next one has again.",
        contracts=("ME-003",),
    ),
    Mutant(
        name="client-token-is-ignored",
        file="memory/events.py",
        old='"token": resource_ids.token_digest(given),',
        new='"token": None,',
        breaks="A request that is sent again saves its message twice.",
        contracts=("ME-004",),
    ),
    Mutant(
        name="events-of-another-actor",
        file="memory/events.py",
        old="""
            sessions.c.actor_id == given["actorId"],
            sessions.c.session_id == given["sessionId"],
        )
""",
        new="""
            sessions.c.session_id == given["sessionId"],
        )
""",
        breaks="Who knows the id of a conversation reads that of another actor.",
        contracts=("ME-005",),
    ),
    Mutant(
        name="main-has-another-name",
        file="memory/branches.py",
        old='MAIN = "main"',
        new='MAIN = "trunk"',
        breaks="Events without a branch are not found on main.",
        contracts=("ME-006",),
    ),
    Mutant(
        name="branch-filter-is-ignored",
        file="memory/events.py",
        old='if branch := narrowed.get("branch"):',
        new='if branch := narrowed.get("branches"):',
        breaks="A listing of a branch has the events of all.",
        contracts=("ME-007",),
    ),
    Mutant(
        name="branch-goes-beyond-its-root",
        file="memory/branches.py",
        old="or_(lineage.c.last.is_(None), events.c.event_id <= lineage.c.last)",
        new="or_(lineage.c.last.is_(None), events.c.event_id <= '9')",
        breaks="A branch shows what was said on its parent after they had parted.",
        contracts=("ME-007",),
    ),
    Mutant(
        name="not-exists-is-exists",
        file="memory/filters.py",
        old="yield not_(found.exists())",
        new="yield found.exists()",
        breaks="A filter for events without a key finds those that have it.",
        contracts=("ME-008",),
    ),
    Mutant(
        name="equals-is-exists",
        file="memory/filters.py",
        old="yield found.where(event_metadata.c.value == value).exists()",
        new="yield found.exists()",
        breaks="A filter for a value finds every event that has the key.",
        contracts=("ME-008",),
    ),
    Mutant(
        name="deleted-event-stays",
        file="memory/events.py",
        old="    connection.execute(delete(events).where(events.c.key == event.key))\n",
        new="",
        breaks="What a user has had deleted is still there.",
        contracts=("ME-009",),
    ),
    Mutant(
        name="event-of-another-actor",
        file="memory/events.py",
        old="""
        sessions.c.actor_id == given["actorId"],
        sessions.c.session_id == given["sessionId"],
        events.c.event_id == given["eventId"],
""",
        new="""
        sessions.c.session_id == given["sessionId"],
        events.c.event_id == given["eventId"],
""",
        breaks="Who knows the id of an event reads or deletes that of another actor.",
        contracts=("ME-021",),
    ),
    Mutant(
        name="events-expire-late",
        file="memory/events.py",
        old="expires_at = now + memory.expiry_days * DAY",
        new="expires_at = now + (memory.expiry_days + 1) * DAY",
        breaks="Events are there for longer than the memory's owner has promised.",
        contracts=("ME-072",),
    ),
    Mutant(
        name="page-token-of-another-filter",
        file="paging.py",
        old="if digest != self._digest:",
        new="if not digest:",
        breaks="A listing goes on with the token of another, and lacks events without a word.",
        contracts=("ME-044",),
    ),
    Mutant(
        name="branch-without-a-root",
        file="memory/branches.py",
        old="""
    if root is None:
        raise _refused(f"the branch {name} does not exist, and a new branch needs a rootEventId")
""",
        new="""
    if root is None:
        return name, None
""",
        breaks="A branch comes from nowhere, which AWS refuses.",
        contracts=("ME-049",),
    ),
    Mutant(
        name="memory-name-twice",
        file="memory/memories.py",
        old="if connection.execute(select(memories.c.key).where(memories.c.name == name)).first():",
        new="if connection.execute(select(memories.c.key).where(memories.c.name == name)).first() and not token:",
        breaks="Two memories have one name, and a deploy that is run again makes a second.",
        contracts=("ME-062",),
    ),
)
