"""Where zips come from: the S3 behind the emulator's own port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from .conftest import Deployer


def at(bucket: str, key: str, version: str | None = None) -> dict[str, Any]:
    location = {"bucket": bucket, "prefix": key, **({} if version is None else {"versionId": version})}
    return {"codeConfiguration": {"code": {"s3": location}, "runtime": "PYTHON_3_12", "entryPoint": ["main.py"]}}


def reason(deployer: Deployer, artifact: dict[str, Any]) -> str:
    made = deployer.create(agentRuntimeArtifact=artifact)
    shown = deployer.settled(made["agentRuntimeId"])
    assert shown["status"] == "CREATE_FAILED"
    return str(shown["failureReason"])


def test_an_object_that_is_not_there(deployer: Deployer) -> None:
    assert reason(deployer, at("artifacts", "nothing.zip")) == (
        "Cannot read s3://artifacts/nothing.zip: NoSuchKey: The specified key does not exist."
    )
    assert reason(deployer, at("no-such-bucket", "a.zip")) == (
        "Cannot read s3://no-such-bucket/a.zip: NoSuchBucket: The specified bucket does not exist"
    )


def test_a_key_may_be_any_text(deployer: Deployer) -> None:
    content = deployer.s3.get_object(
        Bucket="artifacts", Key=deployer.says("odd")["codeConfiguration"]["code"]["s3"]["prefix"]
    )["Body"].read()
    key = "a folder/ü+%20&?=#~.zip"
    deployer.put(content, key)
    assert deployer.word(deployer.create(agentRuntimeArtifact=at("artifacts", key))["agentRuntimeArn"]) == "odd"


def test_a_version_of_an_object(deployer: Deployer) -> None:
    deployer.s3.create_bucket(Bucket="versioned")
    deployer.s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    versions = []
    for word in ("old", "new"):
        key = deployer.says(word)["codeConfiguration"]["code"]["s3"]["prefix"]
        body = deployer.s3.get_object(Bucket="artifacts", Key=key)["Body"].read()
        versions.append(deployer.s3.put_object(Bucket="versioned", Key="agent.zip", Body=body)["VersionId"])
    for version, word in ((versions[0], "old"), (versions[1], "new"), (None, "new")):
        made = deployer.create(agentRuntimeArtifact=at("versioned", "agent.zip", version))
        assert deployer.word(made["agentRuntimeArn"]) == word
    assert "NoSuchVersion" in reason(deployer, at("versioned", "agent.zip", "no-such-version"))


def test_an_object_that_is_empty_or_too_large(deployer: Deployer) -> None:
    deployer.put(b"", "empty.zip")
    assert "zip" in reason(deployer, at("artifacts", "empty.zip"))
    deployer.put(bytes(250_000_001), "large.zip")
    assert reason(deployer, at("artifacts", "large.zip")) == (
        "s3://artifacts/large.zip has more than the 250 MB that a zip file may have"
    )


def test_it_is_signed(puppet_file: Path, deployer: Deployer) -> None:
    with EmulatorProcess(puppet_file, "--verify-signatures") as emulator:
        other = type(deployer)(emulator, deployer.puppet)
        assert other.word(other.create()["agentRuntimeArn"]) == "one"
