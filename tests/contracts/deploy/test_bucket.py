from __future__ import annotations

import pytest

from agentcore_contracts.deploy.account import Account
from agentcore_contracts.deploy.bucket import Bucket
from agentcore_contracts.deploy.progress import GivenUp, Progress


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_in_any_region(account: Account, progress: Progress, region: str) -> None:
    there = Account(region, account.endpoint)
    bucket = Bucket(there, progress)
    bucket.ensure()
    assert bucket.ours()
    bucket.remove()
    assert not bucket.ours()
    bucket.remove()


def test_one_that_is_empty_and_without_tags_is_taken_over(account: Account, progress: Progress) -> None:
    # moto gives a bucket the tags of one that had its name before, so each test has a region of its own.
    account = Account("us-west-2", account.endpoint)
    configuration = {"LocationConstraint": account.region}
    account.client("s3").create_bucket(Bucket=account.bucket, CreateBucketConfiguration=configuration)
    bucket = Bucket(account, progress)
    assert not bucket.ours()
    bucket.ensure()
    assert bucket.ours()
    bucket.remove()


def test_one_of_somebody_elses(account: Account, progress: Progress) -> None:
    account = Account("eu-west-1", account.endpoint)
    s3 = account.client("s3")
    s3.create_bucket(Bucket=account.bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=account.bucket, Key="k", Body=b"")
    bucket = Bucket(account, progress)
    with pytest.raises(GivenUp, match="that agentcore-contracts has not made"):
        bucket.ensure()
    bucket.remove()
    s3.delete_object(Bucket=account.bucket, Key="k")
    s3.delete_bucket(Bucket=account.bucket)
