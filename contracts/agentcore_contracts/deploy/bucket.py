"""The bucket with the probe's zip."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from agentcore_contracts.deploy.account import TAG, Account
from agentcore_contracts.deploy.progress import GivenUp, Progress

__all__ = ["Bucket"]

# The one region that a bucket is not told.
_FIRST_REGION: Final = "us-east-1"


class Bucket:
    """That of an account."""

    def __init__(self, account: Account, progress: Progress) -> None:
        self._account = account
        self._s3 = account.client("s3")
        self._progress = progress

    def ensure(self) -> None:
        """Make it if need be, tagged. Raises `GivenUp`."""
        name = self._account.bucket
        if not self._exists():
            where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": self._account.region}}
            self._s3.create_bucket(Bucket=name, **({} if self._account.region == _FIRST_REGION else where))
            self._progress.say(f"bucket {name}: created")
        if not self._is_ours():
            # It has no tag for a moment, and for longer if that was interrupted.
            if self._s3.list_objects_v2(Bucket=name, MaxKeys=1)["KeyCount"] or self._tags():
                raise GivenUp(
                    f"there is a bucket {name} already that agentcore-contracts has not made; empty and delete it"
                )
            tags = [{"Key": key, "Value": value} for key, value in TAG.items()]
            self._s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
            self._progress.say(f"bucket {name}: tagged")
        else:
            self._progress.say(f"bucket {name}: is there")

    def put(self, file: Path, key: str) -> None:
        """Upload a file, if it is not there."""
        try:
            self._s3.head_object(Bucket=self._account.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            self._s3.upload_file(str(file), self._account.bucket, key)
            self._progress.say(f"zip {key}: uploaded, {file.stat().st_size / 1e6:.1f} MB")
        else:
            self._progress.say(f"zip {key}: is there")

    def ours(self) -> bool:
        """Whether there is one that was made here."""
        return self._exists() and self._is_ours()

    def remove(self) -> None:
        """Delete the one that was made here, and all in it."""
        if not self.ours():
            return
        name = self._account.bucket
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            found = [{"Key": one["Key"]} for one in page.get("Contents", [])]
            if found:
                self._s3.delete_objects(Bucket=name, Delete={"Objects": found, "Quiet": True})
        self._s3.delete_bucket(Bucket=name)
        self._progress.say(f"bucket {name}: deleted")

    def _exists(self) -> bool:
        try:
            self._s3.head_bucket(Bucket=self._account.bucket, ExpectedBucketOwner=self._account.id)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return False
        return True

    def _tags(self) -> dict[str, str]:
        try:
            found = self._s3.get_bucket_tagging(Bucket=self._account.bucket)["TagSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchTagSet":
                raise
            return {}
        return {tag["Key"]: tag["Value"] for tag in found}

    def _is_ours(self) -> bool:
        return TAG.items() <= self._tags().items()
