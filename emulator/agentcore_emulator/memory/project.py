"""The memory that an agent's project asks for."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import strategies
from agentcore_emulator.memory.memories import PURGE, Memories
from agentcore_emulator.memory.tables import memories, milliseconds
from agentcore_emulator.store import Store

__all__ = ["ProjectMemory"]

# What `agentcore deploy` of the starter toolkit (0.3.14) gives a memory whose mode is STM_AND_LTM.
_LONG_TERM: Final = [
    {"userPreferenceMemoryStrategy": {"name": "UserPreferences", "namespaces": ["/users/{actorId}/preferences/"]}},
    {"semanticMemoryStrategy": {"name": "SemanticFacts", "namespaces": ["/users/{actorId}/facts/"]}},
    {"summaryMemoryStrategy": {"name": "SessionSummaries", "namespaces": ["/summaries/{actorId}/{sessionId}/"]}},
]


class ProjectMemory:
    """Sees to it that a project's memory is there when its agent starts."""

    def __init__(self, store: Store, clock: Clock, created_by: Memories) -> None:
        self._store = store
        self._clock = clock
        self._memories = created_by

    async def ensure(self, name: str, memory_id: str | None, expiry_days: int, *, long_term: bool = False) -> str:
        """The id of the memory with that id, else of the one called `name`, else of one that is created so.

        A memory that was made here before its agent was deployed thus goes on under the id that it has here. With
        `long_term`, one without strategies gets those of the starter toolkit; others keep their own. It is ready at
        once, whatever the delays.
        """
        now = milliseconds(self._clock.time())
        new_id = memory_id or resource_ids.new_resource_id(name)

        def find_or_create(connection: Connection) -> str:
            connection.execute(PURGE, {"now": now})
            row = _known(connection, new_id, name)
            if row is None:
                row = self._memories.insert(connection, new_id, name, expiry_days, now)
            if long_term and not strategies.of(connection, row.key, now):
                changes = strategies.changed([], {"addMemoryStrategies": _LONG_TERM})
                strategies.store(connection, row.key, changes, now)
            return str(row.id)

        return await self._store.write(find_or_create)


def _known(connection: Connection, memory_id: str, name: str) -> Row[Any] | None:
    for known in (memories.c.id == memory_id, memories.c.name == name):
        row = connection.execute(select(memories).where(known)).first()
        if row is not None and row.gone_at is not None:
            # It was to be deleted, and an agent is to have one that stays.
            connection.execute(delete(memories).where(memories.c.key == row.key))
        elif row is not None:
            return row
    return None
