"""What an UpdateMemory makes of a memory's strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agentcore_emulator import resource_ids
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.strategies.shapes import Strategy, made, modified

__all__ = ["Changes", "changed"]


class Changes(NamedTuple):
    """Strategies with their ids, by what happens to them. Those in none of the three stay as they are."""

    added: Sequence[Strategy]
    modified: Sequence[Strategy]
    deleted: Sequence[Strategy]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(self)

    def applied(self, current: Sequence[Strategy]) -> list[Strategy]:
        """The strategies that a memory has afterwards, which has `current` now."""
        new = {one["id"]: one for one in (*current, *self.modified, *self.added)}
        return [one for key, one in new.items() if key not in {gone["id"] for gone in self.deleted}]


def changed(current: Sequence[Strategy], given: Mapping[str, Any]) -> Changes:
    """The changes that a `ModifyMemoryStrategies` asks for: first what goes, then what changes, then what comes.

    Raises ValidationException for an id that none of the `current` strategies has, or none that stays.
    """
    known = {one["id"]: one for one in current}
    wanted = {one["memoryStrategyId"] for one in given.get("deleteMemoryStrategies", ())}
    if wanted - set(known):
        raise _missing("delete", wanted - set(known))
    deleted = [known.pop(key) for key in list(known) if key in wanted]
    after = dict(known)
    for one in given.get("modifyMemoryStrategies", ()):
        key = one["memoryStrategyId"]
        if key not in known:
            raise _missing("modify", {key})
        after[key] = modified(after[key], one)
    strategies = [made(one) for one in given.get("addMemoryStrategies", ())]
    added = [{**one, "id": resource_ids.new_resource_id(one["name"])} for one in strategies]
    touched = {one["memoryStrategyId"] for one in given.get("modifyMemoryStrategies", ())}
    return Changes(added, [one for key, one in after.items() if key in touched], deleted)


def _missing(what: str, keys: set[str]) -> ValidationException:
    # Terraform looks for these words when it deletes a strategy (hashicorp/terraform-provider-aws). That a modification
    # is refused alike is our guess.
    text = f"Cannot {what} non-existent memory strategies: {', '.join(sorted(keys))}"
    return ValidationException(text, fields=[("memoryStrategyId", "names no strategy of the memory")])
