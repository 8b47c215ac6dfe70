"""The contracts' memory."""

from __future__ import annotations

from typing import Any

from agentcore_contracts import probe_memory
from agentcore_contracts.deploy.account import TAG, Account
from agentcore_contracts.deploy.progress import GivenUp, Progress

__all__ = ["ContractsMemory"]


class ContractsMemory:
    """That of an account."""

    def __init__(self, account: Account, progress: Progress) -> None:
        self._control = account.control
        self._progress = progress

    def ensure(self) -> None:
        """Make it if need be, and wait until it is active. Raises `GivenUp`."""
        memory_id = probe_memory.found(self._control)
        if memory_id is not None:
            if not self._is_ours(memory_id):
                raise GivenUp(
                    f"there is a memory {memory_id} already that agentcore-contracts has not made; "
                    "delete it, or choose another region"
                )
            self._progress.until(f"memory {memory_id}: coming up", lambda: self._status(memory_id) not in _BUSY)
            if self._status(memory_id) == "ACTIVE":
                self._progress.say(f"memory {memory_id}: is there")
                return
            self.remove()
        made: str = self._control.create_memory(**probe_memory.definition(), tags=TAG)["memory"]["id"]
        self._progress.say(f"memory {made}: created")
        self._progress.until(f"memory {made}: coming up", lambda: self._status(made) not in _BUSY)
        if self._status(made) != "ACTIVE":
            reason = self._shown(made).get("failureReason", "AWS gives no reason")
            raise GivenUp(f"memory {made} did not become active: {reason}; run this again to have it made anew")
        self._progress.say(f"memory {made}: ready")

    def ours(self) -> str | None:
        """The id of the one that was made here; None if there is none."""
        memory_id = probe_memory.found(self._control)
        return memory_id if memory_id is not None and self._is_ours(memory_id) else None

    def remove(self) -> None:
        """Delete the one that was made here, and wait until it is gone."""
        memory_id = self.ours()
        if memory_id is not None:
            self._progress.until(f"memory {memory_id}: busy", lambda: self._status(memory_id) not in _BUSY)
            self._control.delete_memory(memoryId=memory_id)
            self._progress.say(f"memory {memory_id}: deleted")
        self._progress.until("memory: being deleted", lambda: not self._leaving())

    def _is_ours(self, memory_id: str) -> bool:
        arn = self._shown(memory_id)["arn"]
        return bool(TAG.items() <= self._control.list_tags_for_resource(resourceArn=arn)["tags"].items())

    def _shown(self, memory_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self._control.get_memory(memoryId=memory_id)["memory"]
        return shown

    def _status(self, memory_id: str) -> str:
        try:
            return str(self._shown(memory_id)["status"])
        except self._control.exceptions.ResourceNotFoundException:
            return "DELETED"

    def _leaving(self) -> bool:
        pages = self._control.get_paginator("list_memories").paginate()
        ids = [one["id"] for page in pages for one in page["memories"] if one["status"] == "DELETING"]
        return any(one.rpartition("-")[0] == probe_memory.NAME for one in ids)


_BUSY = frozenset({"CREATING", "UPDATING"})
