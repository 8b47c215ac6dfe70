from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Deployer


def test_runtimes_endpoints_and_memories_have_tags(deployer: Deployer) -> None:
    control = deployer.control
    made = deployer.create(tags={"team": "a"})
    endpoint = control.create_agent_runtime_endpoint(
        agentRuntimeId=made["agentRuntimeId"], name="prod", tags={"team": "b"}
    )
    memory = control.create_memory(name="notes", eventExpiryDuration=7, tags={"team": "c"})["memory"]
    arns = [made["agentRuntimeArn"], endpoint["agentRuntimeEndpointArn"], memory["arn"]]
    assert [control.list_tags_for_resource(resourceArn=arn)["tags"]["team"] for arn in arns] == ["a", "b", "c"]
    for arn in arns:
        control.tag_resource(resourceArn=arn, tags={"stage": "dev", "owner": ""})
        control.untag_resource(resourceArn=arn, tagKeys=["team", "owner"])
        assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}


def test_a_version_that_is_new_leaves_the_tags(deployer: Deployer) -> None:
    made = deployer.create(tags={"team": "a"})
    deployer.update(made["agentRuntimeId"], deployer.says("two"))
    arn = made["agentRuntimeArn"]
    assert deployer.control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a"}


def test_only_what_is_there_has_tags(deployer: Deployer) -> None:
    arn = deployer.create()["agentRuntimeArn"]
    for other in (f"{arn}/runtime-endpoint/DEFAULT", f"{arn}/runtime-endpoint/nobody", arn[:-1] + "-"):
        message = deployer.refused(
            "ResourceNotFoundException", deployer.control.list_tags_for_resource, resourceArn=other
        )
        assert message == f"Resource not found: {other}"
