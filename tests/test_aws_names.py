import pytest
from botocore.loaders import create_loader

from agentcore_emulator.aws_names import AWS_DOMAINS, is_aws_name, meets_aws_names


def test_every_partition_that_botocore_knows_is_covered() -> None:
    partitions = create_loader().load_data("partitions")["partitions"]
    outputs = [partition["outputs"] for partition in partitions]
    suffixes = {output[kind] for output in outputs for kind in ("dnsSuffix", "dualStackDnsSuffix")}
    assert suffixes == set(AWS_DOMAINS)


@pytest.mark.parametrize(
    "name",
    [
        "bedrock-agentcore.us-east-1.amazonaws.com",
        "Bedrock-AgentCore.US-EAST-1.AmazonAWS.com",
        "bedrock-agentcore-fips.us-east-1.amazonaws.com.",
        "bedrock-agentcore.us-east-1.api.aws",
        "s3.cn-north-1.amazonaws.com.cn",
        "amazonaws.com",
    ],
)
def test_names_of_aws(name: str) -> None:
    assert is_aws_name(name)


@pytest.mark.parametrize(
    "name", ["notamazonaws.com", "amazonaws.com.evil.test", "amazonaws.org", "aws.amazon.com", "3.5.1.2", "::1", ""]
)
def test_names_of_others(name: str) -> None:
    assert not is_aws_name(name)


@pytest.mark.parametrize(
    "entry",
    ["*", "com", ".com", "s.com", "aws", ".amazonaws.com", "*.amazonaws.com", "s3.us-east-1.amazonaws.com:443", ":80"],
)
def test_what_keeps_a_proxy_from_aws_names(entry: str) -> None:
    assert meets_aws_names(entry)


@pytest.mark.parametrize("entry", ["localhost", "::1", "[::1]", "10.0.0.0/8", "example.com", ".example.com:443", ""])
def test_what_does_not(entry: str) -> None:
    assert not meets_aws_names(entry)
