"""The role that the probe has on AWS: it may write its log, and use the contracts' memory."""

from __future__ import annotations

import json
from typing import Any, Final

from agentcore_contracts import probe_memory
from agentcore_contracts.deploy.account import TAG, Account
from agentcore_contracts.deploy.progress import GivenUp, Progress

__all__ = ["Role"]

_POLICY: Final = "probe"


class Role:
    """That of an account."""

    def __init__(self, account: Account, progress: Progress) -> None:
        self._account = account
        self._iam = account.client("iam")
        self._progress = progress

    def ensure(self) -> str:
        """Make it what it ought to be; its ARN. Raises `GivenUp`."""
        name, trust, policy = self._account.role, _trust(self._account), _permissions(self._account)
        found = self._found()
        if found is None:
            found = self._iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(trust),
                Description="Made by agentcore-contracts, for the probe of its contracts",
                Tags=_tags(),
            )["Role"]
            self._progress.say(f"role {name}: created")
        elif not self._is_ours():
            raise GivenUp(f"there is a role {name} already that agentcore-contracts has not made; delete or rename it")
        elif found["AssumeRolePolicyDocument"] != trust:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
            self._progress.say(f"role {name}: updated")
        if self._policy() != policy:
            self._iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(policy))
            self._progress.say(f"role {name}: has its policy")
        else:
            self._progress.say(f"role {name}: is there")
        return str(found["Arn"])

    def ours(self) -> bool:
        """Whether there is one that was made here."""
        return self._found() is not None and self._is_ours()

    def remove(self) -> None:
        """Delete the one that was made here."""
        if not self.ours():
            return
        name = self._account.role
        if self._policy() is not None:
            self._iam.delete_role_policy(RoleName=name, PolicyName=_POLICY)
        self._iam.delete_role(RoleName=name)
        self._progress.say(f"role {name}: deleted")

    def _found(self) -> dict[str, Any] | None:
        try:
            role: dict[str, Any] = self._iam.get_role(RoleName=self._account.role)["Role"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        return role

    def _policy(self) -> Any:
        try:
            return self._iam.get_role_policy(RoleName=self._account.role, PolicyName=_POLICY)["PolicyDocument"]
        except self._iam.exceptions.NoSuchEntityException:
            return None

    def _is_ours(self) -> bool:
        return all(tag in self._iam.list_role_tags(RoleName=self._account.role)["Tags"] for tag in _tags())


def _tags() -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in TAG.items()]


def _trust(account: Account) -> dict[str, Any]:
    """AWS developer guide, "IAM Permissions for AgentCore Runtime"."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account.id},
                    "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:{account.region}:{account.id}:*"},
                },
            }
        ],
    }


def _permissions(account: Account) -> dict[str, Any]:
    logs = f"arn:aws:logs:{account.region}:{account.id}:log-group:/aws/bedrock-agentcore/runtimes/contracts_*"
    memory = f"arn:aws:bedrock-agentcore:{account.region}:{account.id}:memory/{probe_memory.NAME}-*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                "Resource": [logs, f"{logs}:log-stream:*"],
            },
            {
                "Effect": "Allow",
                "Action": ["bedrock-agentcore:CreateEvent", "bedrock-agentcore:ListEvents"],
                "Resource": memory,
            },
        ],
    }
