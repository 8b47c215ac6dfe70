from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from agentcore_emulator.aws_names import AWS_DOMAINS
from agentcore_emulator.proxy.authority import FILE_NAME, Authority

NAME = "bedrock-agentcore.us-east-1.amazonaws.com"
DAY = 86_400.0


def now() -> float:
    return time.time()


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """The client's side after TLS has been agreed on in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert ends[0].cipher() is not None
    return ends[0]


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate)
    # What Python does by itself from 3.13 on.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_it_vouches_for_a_name_to_those_who_trust_it(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "certificates", now())
    client = trusting(authority)
    client.set_alpn_protocols(["h2", "http/1.1"])
    end = handshake(authority.context(NAME), client, NAME)
    assert end.selected_alpn_protocol() == "http/1.1"
    assert end.getpeercert()["subjectAltName"] == (("DNS", NAME),)  # type: ignore[index]


def test_a_leaf_is_for_just_its_name(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(authority.context(NAME), trusting(authority), "s3.us-east-1.amazonaws.com")


def test_nobody_else_trusts_it(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.context(NAME), ssl.create_default_context(), NAME)


@pytest.mark.parametrize("name", ["example.com", "amazonaws.com.example.com", "127.0.0.1"])
def test_what_it_signs_for_other_names_is_worth_nothing(tmp_path: Path, name: str) -> None:
    authority = Authority.open(tmp_path, now())
    with pytest.raises(ssl.SSLCertVerificationError, match=r"permitted subtree violation|IP address mismatch"):
        handshake(authority.context(name), trusting(authority), name)


def test_what_it_is(tmp_path: Path) -> None:
    moment = now()
    authority = Authority.open(tmp_path, moment)
    certificate = x509.load_pem_x509_certificate(authority.certificate.encode())
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert {name.value for name in constraints.value.permitted_subtrees or ()} == set(AWS_DOMAINS)
    assert [str(name.value) for name in constraints.value.excluded_subtrees or ()] == ["0.0.0.0/0", "::/0"]
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=366)
    assert certificate.not_valid_after_utc.timestamp() == pytest.approx(moment + 365 * DAY, abs=1)
    assert "PRIVATE KEY" not in authority.certificate


def test_its_key_is_its_users_alone_and_ends_up_in_no_commit(tmp_path: Path) -> None:
    Authority.open(tmp_path, now()).context(NAME)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".gitignore", FILE_NAME]
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_it_is_the_same_the_next_time(tmp_path: Path) -> None:
    first = Authority.open(tmp_path, now())
    again = Authority.open(tmp_path, now() + 300 * DAY)
    assert again.certificate == first.certificate
    assert handshake(again.context(NAME), trusting(first), NAME)


def test_one_that_ends_soon_is_renewed_with_the_same_key(tmp_path: Path) -> None:
    old = Authority.open(tmp_path, now() - 310 * DAY)
    new = Authority.open(tmp_path, now())
    assert new.certificate != old.certificate
    # An emulator that still runs with the old one goes on being trusted by new clients, and the other way round.
    assert handshake(old.context(NAME), trusting(new), NAME)
    assert handshake(new.context(NAME), trusting(old), NAME)


@pytest.mark.parametrize("damage", ["empty", "half", "header", "other key", "password"])
def test_one_that_is_damaged_is_made_anew(tmp_path: Path, damage: str) -> None:
    old = Authority.open(tmp_path, now())
    file = tmp_path / FILE_NAME
    text = file.read_text()
    if damage == "header":
        text = text.replace("answers on this machine for amazonaws.com ", "answers on this machine for ")
    elif damage == "other key":
        other = Authority.open(tmp_path / "other", now())
        text = text[: text.index("-----BEGIN CERT")] + other.certificate
    elif damage == "password":
        key = serialization.load_pem_private_key(text.encode(), None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        text = text[: text.index("-----")] + locked.decode() + old.certificate
    else:
        text = "" if damage == "empty" else text[: len(text) // 2]
    file.write_text(text)
    new = Authority.open(tmp_path, now())
    assert new.certificate != old.certificate
    assert handshake(new.context(NAME), trusting(new), NAME)
    assert Authority.open(tmp_path, now()).certificate == new.certificate


def test_many_that_begin_at_once_have_the_same_one(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from agentcore_emulator.proxy.authority import Authority
print(Authority.open(Path(sys.argv[1]), time.time()).certificate)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        here = set(pool.map(lambda _: Authority.open(tmp_path, now()).certificate.strip(), range(20)))
    there = {process.communicate()[0].strip() for process in running}
    assert len(here | there) == 1
    assert [process.returncode for process in running] == [0] * 4


def test_it_is_opened_without_the_library_that_makes_certificates(tmp_path: Path) -> None:
    Authority.open(tmp_path, now())
    script = """
import sys, time
from pathlib import Path
from agentcore_emulator.proxy.authority import Authority
Authority.open(Path(sys.argv[1]), time.time())
print([name for name in sys.modules if name.startswith("cryptography")])
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_context_is_made_once(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now())
    assert authority.context(NAME) is authority.context(NAME)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))):
        Authority.open(tmp_path / "file" / "certificates", now())


@pytest.mark.parametrize(
    "name", ["a" * 63 + "." + "b" * 63 + "." + "c" * 63 + ".us-east-1.amazonaws.com", "under_score.s3.amazonaws.com"]
)
async def test_odd_names(tmp_path: Path, name: str) -> None:
    authority = Authority.open(tmp_path, now())
    assert handshake(await asyncio.to_thread(authority.context, name), trusting(authority), name)
