"""Services that are moto's, with real boto3 over sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}
)


def test_roles(emulator: EmulatorProcess) -> None:
    iam = emulator.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])["Role"]
    assert role["Arn"] == f"arn:aws:iam::{emulator.info['account_id']}:role/r"
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert iam.get_role_policy(RoleName="r", PolicyName="p")["PolicyDocument"] == json.loads(POLICY)
    iam.tag_role(RoleName="r", Tags=[{"Key": "c", "Value": "d"}])
    assert iam.list_role_tags(RoleName="r")["Tags"] == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.detach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="r")


def test_who_the_caller_is(emulator: EmulatorProcess, named: Callable[..., Any]) -> None:
    for sts in (emulator.client("sts"), named("sts"), named("sts", "eu-central-1")):
        assert sts.get_caller_identity()["Account"] == emulator.info["account_id"]
    assert f":{emulator.info['account_id']}:" in emulator.arn


def test_a_region_that_is_none(emulator: EmulatorProcess) -> None:
    with pytest.raises(ClientError, match="kinesis in agentcore-emulator, knows no region 'moon'") as caught:
        emulator.client("kinesis", region_name="moon").list_streams()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "moon" not in emulator.log


def test_operations_that_need_no_signature(emulator: EmulatorProcess) -> None:
    sts = emulator.client("sts")
    role = f"arn:aws:iam::{emulator.info['account_id']}:role/r"
    answer = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="session", WebIdentityToken="token")
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/r/session")
    cognito = emulator.client("cognito-identity")
    pool = cognito.create_identity_pool(IdentityPoolName="p", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
    assert cognito.get_id(IdentityPoolId=pool)["IdentityId"]


@pytest.mark.parametrize(
    ("service", "make", "given", "seen"),
    [
        ("secretsmanager", "create_secret", {"Name": "s", "SecretString": "x"}, "ARN"),
        ("ssm", "put_parameter", {"Name": "/a/b", "Value": "v", "Type": "String"}, "Version"),
        ("kinesis", "create_stream", {"StreamName": "s", "ShardCount": 1}, "ResponseMetadata"),
        ("logs", "create_log_group", {"logGroupName": "g"}, "ResponseMetadata"),
        ("sqs", "create_queue", {"QueueName": "q"}, "QueueUrl"),
        ("dynamodb", "list_tables", {}, "TableNames"),
        ("dynamodbstreams", "list_streams", {}, "Streams"),
        ("events", "list_rules", {}, "Rules"),
        ("kms", "create_key", {}, "KeyMetadata"),
        ("cloudwatch", "list_metrics", {}, "Metrics"),
        ("lambda", "list_functions", {}, "Functions"),
        ("ecr", "describe_repositories", {}, "repositories"),
        ("bedrock", "list_custom_models", {}, "modelSummaries"),
        ("bedrock-agent", "list_agents", {}, "agentSummaries"),
    ],
)
def test_what_agents_and_their_tools_ask_for(
    emulator: EmulatorProcess, service: str, make: str, given: dict[str, Any], seen: str
) -> None:
    assert seen in getattr(emulator.client(service), make)(**given)


def test_a_queue_is_where_it_says(emulator: EmulatorProcess) -> None:
    sqs = emulator.client("sqs")
    queue = sqs.create_queue(QueueName="there")["QueueUrl"]
    assert queue.startswith(emulator.url)
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"


# What is not there


def test_dynamodb_without_a_target(emulator: EmulatorProcess) -> None:
    credential = "Credential=emulator/20261123/us-east-1/dynamodb/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
    answer = httpx.post(emulator.url, headers=headers)
    assert answer.status_code == 501
    assert answer.json()["message"] == "POST / of dynamodb is not implemented by agentcore-emulator"


@pytest.mark.parametrize(
    ("service", "operation", "what"),
    [
        # The protocols: JSON, REST-JSON, query, ec2, REST-XML.
        ("codeconnections", "list_hosts", "ListHosts of codeconnections"),
        ("bedrock", "list_foundation_models", "GET /foundation-models of bedrock"),
        ("iam", "list_organizations_features", "ListOrganizationsFeatures of iam"),
        ("ec2", "describe_network_insights_paths", "DescribeNetworkInsightsPaths of ec2"),
        ("route53", "list_cidr_collections", "GET /2013-04-01/cidrcollection of route53"),
    ],
)
def test_an_operation_that_moto_lacks(emulator: EmulatorProcess, service: str, operation: str, what: str) -> None:
    client = emulator.client(service, config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as failure:
        getattr(client, operation)()
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert failure.value.response["Error"]["Code"] == "NotImplemented"
    assert failure.value.response["Error"]["Message"] == f"{what} is not implemented by agentcore-emulator"


class Asked(NamedTuple):
    """One operation of a service that needs the least input."""

    scope: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def _operation(model: dict[str, Any]) -> Asked:
    metadata = model["metadata"]

    def needs(operation: dict[str, Any]) -> int:
        shape = model["shapes"].get(operation.get("input", {}).get("shape", ""), {})
        return len(shape.get("required", ()))

    name, operation = min(model["operations"].items(), key=lambda found: needs(found[1]))
    headers, body = {}, b""
    if metadata["protocol"] == "json":
        headers["x-amz-target"] = f"{metadata['targetPrefix']}.{name}"
        headers["content-type"] = f"application/x-amz-json-{metadata.get('jsonVersion', '1.0')}"
        body = b"{}"
    elif metadata["protocol"] in ("query", "ec2"):
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = f"Action={name}&Version={metadata['apiVersion']}".encode()
    path = operation["http"]["requestUri"].replace("{", "").replace("}", "").replace("+", "")
    return Asked(
        metadata.get("signingName") or metadata["endpointPrefix"], operation["http"]["method"], path, headers, body
    )


def test_every_service_is_answered_or_named(emulator: EmulatorProcess) -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    wrong = {}
    with httpx.Client(base_url=emulator.url, timeout=60) as client:
        for service in loader.list_available_services("service-2"):
            asked = _operation(loader.load_service_model(service, "service-2"))
            credential = f"Credential=emulator/20261123/us-east-1/{asked.scope.lower()}/aws4_request"
            asked.headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"
            answer = client.request(asked.method, asked.path, headers=asked.headers, content=asked.body or None)
            said = answer.text
            named = asked.scope.lower() in said or service in said
            if not (answer.status_code < 500 or (answer.status_code == 501 and named)):
                wrong[service] = (answer.status_code, said[:200])
    assert wrong == {}


def test_what_moto_is_not_prepared_for(emulator: EmulatorProcess) -> None:
    credential = "Credential=emulator/20261123/us-east-1/s3/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
    answer = httpx.post(f"{emulator.url}/bucket/key", headers=headers)
    assert answer.status_code == 501
    assert "moto, which answers for s3 in agentcore-emulator, failed on POST /bucket/key: KeyError" in answer.text
    assert "Traceback" not in emulator.log


# Where the state is


def test_nothing_outlives_an_emulator(agent: Path) -> None:
    for _ in range(2):
        with EmulatorThread(agent) as emulator:
            assert emulator.client("s3").list_buckets()["Buckets"] == []
            emulator.client("s3").create_bucket(Bucket="bucket")


def test_it_is_shared_as_long_as_somebody_of_the_process_has_it(agent: Path) -> None:
    with EmulatorThread(agent) as first:
        first.client("s3").create_bucket(Bucket="bucket")
        with EmulatorThread(agent) as second:
            assert len(second.client("s3").list_buckets()["Buckets"]) == 1
        assert len(first.client("s3").list_buckets()["Buckets"]) == 1


# Signatures


@pytest.fixture(scope="module")
def verifying(agent: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(agent, "--verify-signatures") as emulator:
        yield emulator


def test_signatures_of_s3_are_checked_as_s3_makes_them(verifying: EmulatorProcess) -> None:
    s3 = verifying.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="bucket")
    for key in ("k", "a b//c+é%2F&"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"hello")
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == b"hello"
        url = s3.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": key}, ExpiresIn=3600)
        assert httpx.get(url).text == "hello"
        assert httpx.get(url.replace("X-Amz-Signature=", "X-Amz-Signature=0")).status_code == 403
    with httpx.stream("GET", f"{verifying.url}/bucket/k") as answer:
        assert answer.status_code == 403


def test_a_body_after_its_signature(verifying: EmulatorProcess, named_of: Callable[..., Any]) -> None:
    s3 = named_of(verifying)("s3")
    s3.create_bucket(Bucket="chunked")
    s3.put_object(Bucket="chunked", Key="k", Body=b"hello" * 50_000)
    assert s3.get_object(Bucket="chunked", Key="k")["Body"].read() == b"hello" * 50_000
