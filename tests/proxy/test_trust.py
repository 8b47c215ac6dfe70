from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest

from agentcore_emulator.proxy.authority import Authority
from agentcore_emulator.proxy.trust import BUNDLE_VARIABLES, Trust, publish


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [Authority.open(tmp_path_factory.mktemp("authority"), time.time()).certificate for _ in range(4)]


@pytest.fixture
def published(tmp_path: Path, authorities: list[str]) -> Callable[..., Trust]:
    """What is published for the first authority and a caller with these variables."""

    def make(**caller: str) -> Trust:
        [trust] = publish([tmp_path / "certificates"], authorities[0], caller)
        return trust

    return make


def certificates(file: Path) -> list[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    return context.get_ca_certs(binary_form=True)


def as_der(pem: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem)


def test_the_usual_roots_and_ours(published: Callable[..., Trust], authorities: list[str]) -> None:
    trust = published()
    usual = set(certificates(Path(certifi.where())))
    system = Path(ssl.get_default_verify_paths().openssl_cafile)
    if system.exists():
        usual |= set(certificates(system))
    assert set(certificates(trust.bundle)) == usual | {as_der(authorities[0])}
    assert certificates(trust.extra) == [as_der(authorities[0])]
    assert {file.stat().st_mode & 0o777 for file in trust} == {0o644}


@pytest.mark.parametrize("variable", BUNDLE_VARIABLES)
def test_the_callers_own_roots_instead_of_the_usual(
    published: Callable[..., Trust], authorities: list[str], tmp_path: Path, variable: str
) -> None:
    own = tmp_path / "own.pem"
    own.write_text(f"Company\n=======\n{authorities[1]}\n# and\n{authorities[2]}")
    assert set(certificates(published(**{variable: str(own)}).bundle)) == set(map(as_der, authorities[:3]))


def test_a_folder_of_roots(published: Callable[..., Trust], authorities: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "roots"
    (folder / "below").mkdir(parents=True)
    (folder / "one.pem").write_text(authorities[1])
    (folder / "two.crt").write_text(authorities[2])
    (folder / "README").write_bytes(b"\xff no certificate")
    trust = published(REQUESTS_CA_BUNDLE=str(folder))
    assert set(certificates(trust.bundle)) == set(map(as_der, authorities[:3]))


def test_all_that_the_caller_names_are_joined_and_each_is_there_once(
    published: Callable[..., Trust], authorities: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a").write_text(authorities[1] + authorities[2])
    (tmp_path / "b").write_text(authorities[2].replace("\n", "\r\n") + authorities[3])
    trust = published(SSL_CERT_FILE=str(tmp_path / "a"), AWS_CA_BUNDLE=str(tmp_path / "b"))
    assert trust.bundle.read_text().count("BEGIN CERTIFICATE") == 4


def test_what_the_caller_names_in_vain_is_as_if_not_named(published: Callable[..., Trust], tmp_path: Path) -> None:
    usual = published().bundle.read_bytes()
    assert published(SSL_CERT_FILE=str(tmp_path / "missing"), AWS_CA_BUNDLE="").bundle.read_bytes() == usual


def test_what_the_caller_has_for_node(published: Callable[..., Trust], authorities: list[str], tmp_path: Path) -> None:
    (tmp_path / "node").write_text(authorities[1])
    trust = published(NODE_EXTRA_CA_CERTS=str(tmp_path / "node"))
    assert set(certificates(trust.extra)) == set(map(as_der, authorities[:2]))
    assert as_der(authorities[1]) not in certificates(trust.bundle)
    # Where no more than one certificate is taken, it is this.
    assert trust.extra.read_text().startswith(authorities[0])


def test_a_shell_that_trusts_it_already(
    published: Callable[..., Trust], authorities: list[str], tmp_path: Path
) -> None:
    (tmp_path / "company").write_text(authorities[1])
    first = published(SSL_CERT_FILE=str(tmp_path / "company"))
    content = first.bundle.read_bytes()
    again = published(SSL_CERT_FILE=str(first.bundle), NODE_EXTRA_CA_CERTS=str(first.extra))
    assert again == first
    assert again.bundle.read_bytes() == content


def test_several_folders_have_the_same(tmp_path: Path, authorities: list[str]) -> None:
    one, other = publish([tmp_path / "one", tmp_path / "other"], authorities[0], {})
    assert one.bundle.read_bytes() == other.bundle.read_bytes()
    assert one.extra.parent == tmp_path / "one"
