from __future__ import annotations

import json

from agentcore_contracts.deploy.account import Account
from agentcore_contracts.deploy.progress import Progress
from agentcore_contracts.deploy.role import Role


def test_what_has_changed_is_put_right(account: Account, progress: Progress, said: list[str]) -> None:
    role = Role(account, progress)
    arn = role.ensure()
    iam = account.client("iam")
    before = iam.get_role(RoleName=account.role)["Role"]["AssumeRolePolicyDocument"]
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    principal = {"Service": "lambda.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    iam.update_assume_role_policy(RoleName=account.role, PolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=account.role, PolicyName="probe", PolicyDocument=json.dumps(other))
    assert role.ensure() == arn
    assert iam.get_role(RoleName=account.role)["Role"]["AssumeRolePolicyDocument"] == before
    said.clear()
    assert role.ensure() == arn
    assert said == [f"role {account.role}: is there"]
    role.remove()
    assert not role.ours()
