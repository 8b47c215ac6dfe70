"""Whose AWS it is, or which emulator's, and what things are called there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

__all__ = ["TAG", "Account", "is_near"]

TAG: Final = {"agentcore-contracts": "probe"}
"""What everything carries that is made here; nothing without it is ever deleted."""


def is_near(endpoint: str | None) -> bool:
    """Whether a URL leads to this machine, and so to an emulator."""
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Account:
    """One account in one region. `endpoint` leads elsewhere than to AWS."""

    region: str
    endpoint: str | None = None

    @property
    def is_emulator(self) -> bool:
        """Whether it is an emulator's, on this machine."""
        return is_near(self.endpoint)

    @cached_property
    def id(self) -> str:
        """The account's twelve digits."""
        answer: str = self.client("sts").get_caller_identity()["Account"]
        return answer

    @cached_property
    def control(self) -> Any:
        """A client of `bedrock-agentcore-control`."""
        return self.client("bedrock-agentcore-control")

    def client(self, service: str) -> Any:
        """A boto3 client, also in a shell whose AWS_ENDPOINT_URL leads elsewhere."""
        options: dict[str, Any] = {"ignore_configured_endpoint_urls": True, "s3": {"addressing_style": "auto"}}
        if self.is_emulator:
            # Not every system knows names below localhost.
            options["s3"] = {"addressing_style": "path"}
        return self._session.client(
            service,  # type: ignore[call-overload]  # one of many
            region_name=self.region,
            endpoint_url=self.endpoint,
            config=Config(**options),
        )

    @property
    def bucket(self) -> str:
        """The name of the bucket, which must be nobody else's in the world."""
        return f"agentcore-contracts-{self.id}-{self.region}"

    @property
    def role(self) -> str:
        """The name of the role; roles are the same in all regions, so each has one of its own."""
        return f"agentcore-contracts-{self.region}"

    @cached_property
    def _session(self) -> boto3.session.Session:
        if self.is_emulator:
            # The developer's own keys are none of its business.
            return boto3.session.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator")  # noqa: S106 - no secret
        return boto3.session.Session()
