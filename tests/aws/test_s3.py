"""S3, which is moto's, with real boto3 over sockets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess

KEYS = ("a", "folder/b.txt", "two//slashes", "/leading", "with space+plus", "ü/é%2F", "a?b&c=d#e", "x" * 1000)


def test_buckets_and_objects(emulator: EmulatorProcess, bucket: str) -> None:
    s3 = emulator.client("s3")
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"hello", ContentType="text/plain", Metadata={"my_key": "1", "my-key": "2"}
    )
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/plain"
    assert got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert got["ContentLength"] == s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=1-3")["Body"].read() == b"ell"
    s3.delete_object(Bucket=bucket, Key="k")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as failure:
        s3.head_bucket(Bucket=bucket)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_metadata_keeps_its_names(emulator: EmulatorProcess, bucket: str) -> None:
    s3 = emulator.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"under_score": "1"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"under_score": "1"}


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_keys_of_all_sorts(
    emulator: EmulatorProcess, named: Callable[..., Any], bucket: str, key: str, style: str
) -> None:
    s3 = emulator.client("s3") if style == "path" else named("s3", s3={"addressing_style": "virtual"})
    s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_aws_host_names_mean_the_same_buckets(
    emulator: EmulatorProcess, named: Callable[..., Any], bucket: str, region: str
) -> None:
    emulator.client("s3").put_object(Bucket=bucket, Key="k", Body=b"hello")
    for style in ("path", "virtual"):
        s3 = named("s3", region, s3={"addressing_style": style})
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_after_the_body_and_before_it(
    emulator: EmulatorProcess, named: Callable[..., Any], bucket: str, algorithm: str
) -> None:
    # Over TLS botocore codes the body as aws-chunked, with the checksum after it.
    for client in (emulator.client("s3"), named("s3")):
        put = client.put_object(Bucket=bucket, Key="k", Body=b"hello" * 50_000, ChecksumAlgorithm=algorithm)
        got = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        # botocore itself compares what it reads with it.
        assert got["Body"].read() == b"hello" * 50_000
        assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
        assert "ContentEncoding" not in got


def test_a_content_encoding_of_the_objects_own_stays(named: Callable[..., Any], bucket: str) -> None:
    s3 = named("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"zipped", ContentEncoding="gzip")
    assert s3.get_object(Bucket=bucket, Key="k")["ContentEncoding"] == "gzip"


def test_a_body_that_is_not_coded_as_it_says(emulator: EmulatorProcess, bucket: str) -> None:
    scope = "Credential=emulator/20261123/us-east-1/s3/aws4_request"
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
    }
    answer = httpx.put(f"{emulator.url}/{bucket}/k", content=b"5\r\nhel", headers=headers)
    assert answer.status_code == 400
    assert "<Code>ValidationException</Code>" in answer.text
    assert "the last chunk is missing" in answer.text


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(emulator: EmulatorProcess, bucket: str, version: str) -> None:
    s3 = emulator.client("s3", config=Config(signature_version=version))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b/c"})
    assert httpx.put(put, content=b"hello").status_code == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/c"})
    assert httpx.get(get).text == "hello"


def test_unsigned_requests_for_buckets_that_are_there(emulator: EmulatorProcess, bucket: str) -> None:
    s3 = emulator.client("s3")
    s3.put_object(Bucket=bucket, Key="public", Body=b"hello", ACL="public-read")
    anonymous = emulator.client("s3", config=Config(signature_version=UNSIGNED))
    assert anonymous.get_object(Bucket=bucket, Key="public")["Body"].read() == b"hello"
    assert httpx.get(f"{emulator.url}/public", headers={"host": f"{bucket}.s3.amazonaws.com"}).text == "hello"
    assert httpx.get(f"{emulator.url}/public", headers={"host": f"{bucket}.localhost:4747"}).text == "hello"
    assert httpx.get(f"{emulator.url}/no-such-bucket/public").status_code == 501


def test_a_form_of_a_web_page(emulator: EmulatorProcess, bucket: str) -> None:
    s3 = emulator.client("s3")
    post = s3.generate_presigned_post(bucket, "uploaded")
    assert httpx.post(post["url"], data=post["fields"], files={"file": b"hello"}).status_code == 204
    assert s3.get_object(Bucket=bucket, Key="uploaded")["Body"].read() == b"hello"


def test_uploads_in_parts(emulator: EmulatorProcess, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(20_000_000))
    s3 = emulator.client("s3")
    s3.upload_file(str(file), bucket, "file")
    s3.download_file(bucket, "file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("reserved", ["moto-api", "latest", "runtimes", "memories"])
def test_buckets_whose_names_mean_something_elsewhere(emulator: EmulatorProcess, reserved: str) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=reserved)
    s3.put_object(Bucket=reserved, Key="reset", Body=b"1")
    s3.put_object(Bucket=reserved, Key="meta-data/x", Body=b"2")
    assert s3.list_objects_v2(Bucket=reserved)["KeyCount"] == 2
    s3.delete_objects(Bucket=reserved, Delete={"Objects": [{"Key": "reset"}, {"Key": "meta-data/x"}]})
    s3.delete_bucket(Bucket=reserved)


def test_a_large_object_is_held_in_memory_at_most_twice(emulator: EmulatorProcess, bucket: str) -> None:
    s3 = emulator.client("s3")
    s3.put_object(Bucket=bucket, Key="small", Body=b"1")
    size = 100_000_000
    before = _peak(emulator)
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body
    s3.delete_object(Bucket=bucket, Key="large")
    assert _peak(emulator) - before < 2.6 * size


def _peak(emulator: EmulatorProcess) -> int:
    """The most memory that the emulator has had at once, in bytes."""
    status = Path(f"/proc/{emulator.pid}/status")
    if not status.exists():
        pytest.skip("this system has no /proc")
    (line,) = (line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_any_keys_see_the_one_account(emulator: EmulatorProcess, bucket: str) -> None:
    other = boto3.client(
        "s3",
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
    )
    assert bucket in [found["Name"] for found in other.list_buckets()["Buckets"]]
