from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_contracts.deploy.account import TAG, Account
from agentcore_contracts.deploy.bucket import Bucket
from agentcore_contracts.deploy.package import pack
from agentcore_contracts.deploy.progress import GivenUp, Progress
from agentcore_contracts.deploy.role import Role
from agentcore_contracts.deploy.runtimes import Runtimes, wanted


@pytest.fixture
def place(account: Account, progress: Progress, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and role."""
    file, key = pack(tmp_path, packages=False)
    bucket = Bucket(account, progress)
    bucket.ensure()
    bucket.put(file, key)
    role = Role(account, progress)
    yield account.bucket, key, role.ensure()
    Runtimes(account, progress).remove()
    role.remove()
    bucket.remove()


def shown(account: Account) -> dict[str, dict[str, Any]]:
    listed = account.control.list_agent_runtimes()["agentRuntimes"]
    return {
        one["agentRuntimeName"]: account.control.get_agent_runtime(agentRuntimeId=one["agentRuntimeId"])
        for one in listed
    }


def test_what_is_wanted() -> None:
    found = {each.name: each for each in wanted()}
    assert "contracts_jwt" not in found
    assert found["contracts_mcp"].protocol == "MCP"
    assert found["contracts_http"].entry == "agent.py"
    assert [name for name, each in found.items() if each.platform == "V2"] == ["contracts_v2"]


def test_one_that_has_changed_is_updated(account: Account, progress: Progress, place: tuple[str, str, str]) -> None:
    bucket, key, role = place
    Runtimes(account, progress).ensure(bucket, key, role)
    s3 = account.client("s3")
    s3.copy_object(Bucket=bucket, Key="other.zip", CopySource={"Bucket": bucket, "Key": key})
    Runtimes(account, progress).ensure(bucket, "other.zip", role)
    for each in wanted():
        one = shown(account)[each.name]
        assert (one["agentRuntimeVersion"], one["status"]) == ("2", "READY")
        assert one["agentRuntimeArtifact"]["codeConfiguration"]["code"]["s3"]["prefix"] == "other.zip"


def test_one_that_failed_is_made_anew(
    account: Account, progress: Progress, place: tuple[str, str, str], said: list[str]
) -> None:
    bucket, key, role = place
    account.client("s3").put_object(Bucket=bucket, Key="bad.zip", Body=b"no zip")
    with pytest.raises(GivenUp, match=r"is CREATE_FAILED: .*; run this again to have it made anew"):
        Runtimes(account, progress).ensure(bucket, "bad.zip", role)
    said.clear()
    Runtimes(account, progress).ensure(bucket, key, role)
    assert {one["status"] for one in shown(account).values()} == {"READY"}
    assert "agent runtime contracts_http: deleted" in said


def test_one_of_somebody_elses(account: Account, progress: Progress, place: tuple[str, str, str]) -> None:
    bucket, key, role = place
    each = wanted()[0]
    settings = each.settings(bucket, key, role)
    made = account.control.create_agent_runtime(agentRuntimeName=each.name, tags={"mine": "1"}, **settings)
    runtimes = Runtimes(account, progress)
    with pytest.raises(GivenUp, match="that agentcore-contracts has not made"):
        runtimes.ensure(bucket, key, role)
    runtimes.remove()
    assert each.name in shown(account)
    account.control.tag_resource(resourceArn=made["agentRuntimeArn"], tags=TAG)
    runtimes.remove()
    assert each.name not in shown(account)
