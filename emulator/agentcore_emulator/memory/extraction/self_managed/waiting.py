"""What happens to messages that wait for a trigger: they go on waiting, or they become a job of their own."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, bindparam, select

from agentcore_emulator.memory.extraction import jobs
from agentcore_emulator.memory.extraction.jobs import Task
from agentcore_emulator.memory.extraction.self_managed.parcel import moment
from agentcore_emulator.memory.extraction.self_managed.triggers import Triggers
from agentcore_emulator.memory.tables import memories

__all__ = ["wait"]

_ID = select(memories.c.id).where(memories.c.key == bindparam("memory"))


def wait(connection: Connection, job_id: str, now: int) -> None:
    """Look at the messages that wait with a job, when it is new or when their session has been idle for long enough.

    Nothing happens when there is no such job any more, or it need not be looked at any more.
    """
    while (task := jobs.load(connection, job_id)) is not None and task.job.status != jobs.STARTED:
        triggers = Triggers.of(task.strategy)
        if task.job.status == jobs.PENDING:
            count = triggers.struck(task.messages)
        else:
            # Its time has run out, unless something was said in the meantime.
            count = len(task.messages) if task.job.due_at <= now else 0
        if count == 0:
            if task.job.status == jobs.PENDING:
                jobs.postpone(connection, task.ids, now + triggers.idle)
            return
        # What is left of an event is looked at in the next round, before the event after it.
        jobs.strike(connection, task, count, _new_id(connection, task, count), now)


def _new_id(connection: Connection, task: Task, count: int) -> str:
    """`<memory>/<strategy>/<actor>/<session>/<milliseconds of the first message>_<UUID>`, as was observed."""
    memory_id = connection.execute(_ID, {"memory": task.job.memory_key}).scalar_one()
    start = min(map(moment, task.messages[:count]))
    names = (memory_id, task.strategy["id"], task.job.actor_id, task.job.session_id, f"{start}_{uuid.uuid4()}")
    return "/".join(names)
