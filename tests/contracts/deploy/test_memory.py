from __future__ import annotations

import pytest

from agentcore_contracts.deploy.account import Account
from agentcore_contracts.deploy.memory import ContractsMemory
from agentcore_contracts.deploy.progress import GivenUp, Progress
from agentcore_contracts.probe_memory import definition


def test_there_is_one_however_often_it_is_asked_for(account: Account, progress: Progress) -> None:
    memory = ContractsMemory(account, progress)
    memory.ensure()
    memory.ensure()
    found = memory.ours()
    assert [one["id"] for one in account.control.list_memories()["memories"]] == [found]
    memory.remove()
    memory.remove()
    assert account.control.list_memories()["memories"] == []


def test_one_of_somebody_elses(account: Account, progress: Progress) -> None:
    made = account.control.create_memory(**definition())["memory"]["id"]
    memory = ContractsMemory(account, progress)
    with pytest.raises(GivenUp, match="that agentcore-contracts has not made"):
        memory.ensure()
    memory.remove()
    assert memory.ours() is None
    account.control.delete_memory(memoryId=made)
