"""The probe's agent runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from botocore.exceptions import ClientError

from agentcore_contracts.deploy.account import TAG, Account
from agentcore_contracts.deploy.progress import GivenUp, Progress
from agentcore_contracts.target import PROBE

__all__ = ["PYTHON", "Runtimes", "Wanted", "wanted"]

PYTHON: Final = "3.13"
"""The Python that they run on."""

# What the toolkit's file has no word for.
_PLATFORMS: Final = {"contracts_v2": "V2"}

# What a runtime has that does not show it.
_DEFAULTS: Final = {"protocolConfiguration": {"serverProtocol": "HTTP"}, "platformVersion": "V1"}

# Seconds to wait until a new role can be assumed. How long that takes is not documented: IAM is eventually consistent
# (IAM user guide, "Troubleshoot IAM"), so this is a choice.
_ROLE_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Wanted:
    """One runtime as the probe's `.bedrock_agentcore.yaml` has it."""

    name: str
    entry: str
    protocol: str
    headers: tuple[str, ...]

    @property
    def platform(self) -> str:
        """Its platform version."""
        return _PLATFORMS.get(self.name, "V1")

    def settings(self, bucket: str, key: str, role: str) -> dict[str, Any]:
        """What of `CreateAgentRuntime` and `UpdateAgentRuntime` is the same."""
        return {
            "agentRuntimeArtifact": {
                "codeConfiguration": {
                    "code": {"s3": {"bucket": bucket, "prefix": key}},
                    "runtime": f"PYTHON_{PYTHON.replace('.', '_')}",
                    "entryPoint": [self.entry],
                }
            },
            "roleArn": role,
            "networkConfiguration": {"networkMode": "PUBLIC"},
            "protocolConfiguration": {"serverProtocol": self.protocol},
            "requestHeaderConfiguration": {"requestHeaderAllowlist": list(self.headers)},
            "platformVersion": self.platform,
        }


def wanted() -> list[Wanted]:
    """All of the probe's runtimes but those with an authorizer, whose issuer is the emulator's own."""
    agents = yaml.safe_load((PROBE / ".bedrock_agentcore.yaml").read_text("utf-8"))["agents"]
    return [
        Wanted(
            name,
            agent["entrypoint"],
            agent["aws"]["protocol_configuration"]["server_protocol"],
            tuple(agent["request_header_configuration"]["requestHeaderAllowlist"]),
        )
        for name, agent in agents.items()
        if not agent.get("authorizer_configuration")
    ]


class Runtimes:
    """Those of an account."""

    def __init__(self, account: Account, progress: Progress) -> None:
        self._account = account
        self._control = account.control
        self._progress = progress

    def ensure(self, bucket: str, key: str, role: str) -> None:
        """Make them what they ought to be, and wait until they are ready. Raises `GivenUp`."""
        for each in wanted():
            self._ensure(each, each.settings(bucket, key, role))
        # They come up side by side.
        for each in wanted():
            self._await(each.name)

    def ours(self) -> dict[str, str]:
        """The ids of those that are there and were made here, by name."""
        names = {each.name for each in wanted()}
        return {
            name: one["agentRuntimeId"] for name, one in self._listed().items() if name in names and self._is_ours(one)
        }

    def remove(self) -> None:
        """Delete those that were made here, and wait until they are gone."""
        for name, runtime_id in self.ours().items():
            self._settle(name, runtime_id)
            self._delete(name, runtime_id)
        names = {each.name for each in wanted()}
        self._progress.until("agent runtimes: being deleted", lambda: not self._leaving(names))

    def _ensure(self, each: Wanted, settings: Mapping[str, Any]) -> None:
        found = self._listed().get(each.name)
        if found is not None and not self._is_ours(found):
            raise GivenUp(
                f"there is an agent runtime {each.name} already that agentcore-contracts has not made; "
                "delete it, or choose another region"
            )
        if found is not None:
            runtime_id = found["agentRuntimeId"]
            self._settle(each.name, runtime_id)
            shown = self._get(runtime_id)
            if shown is not None and shown["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
                self._delete(each.name, runtime_id)
                self._progress.until(f"agent runtime {each.name}: being deleted", lambda: self._get(runtime_id) is None)
                shown = None
            if shown is not None:
                if shown["status"] == "READY" and _is_so(settings, shown):
                    self._progress.say(f"agent runtime {each.name}: is there")
                    return
                self._assumable(lambda: self._control.update_agent_runtime(agentRuntimeId=runtime_id, **settings))
                self._progress.say(f"agent runtime {each.name}: updated")
                return
        self._assumable(lambda: self._control.create_agent_runtime(agentRuntimeName=each.name, tags=TAG, **settings))
        self._progress.say(f"agent runtime {each.name}: created")

    def _assumable(self, request: Any) -> None:
        """Make a request until the role, which is new perhaps, can be assumed."""
        refused: list[ClientError] = []

        def done() -> bool:
            try:
                request()
            except ClientError as error:
                if not _is_about_role(error):
                    raise
                refused.append(error)
                return False
            return True

        try:
            self._progress.until("the role: not known to AgentCore yet", done, _ROLE_SECONDS)
        except GivenUp:
            raise refused[-1] from None

    def _await(self, name: str) -> None:
        runtime_id = self._listed()[name]["agentRuntimeId"]
        self._progress.until(f"agent runtime {name}: coming up", lambda: self._settled(runtime_id))
        shown = self._get(runtime_id)
        status = "gone" if shown is None else shown["status"]
        if shown is None or status != "READY":
            reason = (shown or {}).get("failureReason", "AWS gives no reason")
            raise GivenUp(f"agent runtime {name} is {status}: {reason}; run this again to have it made anew")
        self._progress.say(f"agent runtime {name}: ready")

    def _listed(self) -> dict[str, dict[str, Any]]:
        pages = self._control.get_paginator("list_agent_runtimes").paginate()
        return {one["agentRuntimeName"]: one for page in pages for one in page["agentRuntimes"]}

    def _is_ours(self, one: Mapping[str, Any]) -> bool:
        try:
            tags = self._control.list_tags_for_resource(resourceArn=one["agentRuntimeArn"])["tags"]
        except self._control.exceptions.ResourceNotFoundException:
            return True  # It has gone since it was listed, or goes.
        return bool(TAG.items() <= tags.items())

    def _get(self, runtime_id: str) -> dict[str, Any] | None:
        try:
            shown: dict[str, Any] = self._control.get_agent_runtime(agentRuntimeId=runtime_id)
        except self._control.exceptions.ResourceNotFoundException:
            return None
        return shown

    def _settle(self, name: str, runtime_id: str) -> None:
        self._progress.until(f"agent runtime {name}: busy", lambda: self._settled(runtime_id))

    def _settled(self, runtime_id: str) -> bool:
        shown = self._get(runtime_id)
        return shown is None or shown["status"] not in ("CREATING", "UPDATING", "DELETING")

    def _leaving(self, names: set[str]) -> bool:
        return any(name in names and one["status"] == "DELETING" for name, one in self._listed().items())

    def _delete(self, name: str, runtime_id: str) -> None:
        try:
            self._control.delete_agent_runtime(agentRuntimeId=runtime_id)
        except self._control.exceptions.ResourceNotFoundException:
            return
        self._progress.say(f"agent runtime {name}: deleted")


def _is_so(wanted: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Whether a runtime has these settings; AWS may show more of each than was given."""

    def holds(want: object, show: object) -> bool:
        if isinstance(want, Mapping):
            return isinstance(show, Mapping) and all(holds(value, show.get(name)) for name, value in want.items())
        return want == show

    return holds(wanted, {**_DEFAULTS, **shown})


def _is_about_role(error: ClientError) -> bool:
    # How AWS words it is not documented; what is wrong for good is told when the patience is over.
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"].lower()
    return code == "ValidationException" and "role" in message
