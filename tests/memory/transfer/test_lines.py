"""Which columns of which tables travel."""

from __future__ import annotations

import pytest

from agentcore_emulator.memory import tables
from agentcore_emulator.memory.transfer import lines
from agentcore_emulator.memory.transfer.lines import Kind, TransferError
from agentcore_emulator.store import metadata

KINDS = [value for value in vars(lines).values() if isinstance(value, Kind)]

# What says where a row belongs, what is made anew from the rest, and what is over when a memory travels.
LEFT_OUT = {
    "memories": {"key", "transition", "ready_at", "gone_at", "update_token"},
    "strategies": {"key", "memory_key", "ready_at", "gone_at"},
    "sessions": {"key", "memory_key", "actor_id", "session_id"},
    "branches": {"session_key"},
    "events": {"key", "memory_key", "session_key"},
    "records": {"key", "memory_key"},
}
# Made anew from events and records; and work that is under way.
TABLES_LEFT_OUT = {
    *("event_metadata", "record_metadata", "record_vectors", "unembedded"),
    *("extraction_jobs", "ingestions", "stream_events"),
}


def test_every_table_travels_or_is_left_out_on_purpose() -> None:
    planes = {name for name in metadata.tables if metadata.tables[name] in vars(tables).values()}
    assert {kind.table.name for kind in KINDS} | TABLES_LEFT_OUT == planes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_column_travels_or_is_left_out_on_purpose(kind: Kind) -> None:
    travelling = {column.name for column, _ in kind.members.values()}
    assert travelling | LEFT_OUT[kind.table.name] == {column.name for column in kind.table.columns}
    assert not travelling & LEFT_OUT[kind.table.name]


def test_times_have_milliseconds_and_a_zone() -> None:
    values = lines.SESSION.read(
        {
            "kind": "session",
            "memoryId": "m",
            "actorId": "a",
            "sessionId": "s",
            "createdAt": "2026-01-01T01:00:00.0019+01:00",
            "keepUntil": "9999-12-31T23:59:59.999Z",
        }
    )
    assert values == {"created_at": 1_767_225_600_001, "keep_until": 253_402_300_799_999}


def test_a_member_that_is_null_is_not_as_it_must_be() -> None:
    line = {"kind": "branch", "memoryId": "m", "actorId": "a", "sessionId": "s", "name": None}
    with pytest.raises(TransferError, match="name of a line of kind branch must be a string"):
        lines.BRANCH.read(line)
