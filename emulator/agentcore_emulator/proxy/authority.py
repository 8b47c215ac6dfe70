"""The certificate authority of a state folder, which vouches for AWS's names and for nothing else."""

from __future__ import annotations

import fcntl
import functools
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentcore_emulator.aws_names import AWS_DOMAINS
from agentcore_emulator.proxy.files import put

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["FILE_NAME", "Authority"]

FILE_NAME: Final = "authority.pem"
"""Key and certificate in one file, so that no reader finds halves of two."""

# Leaves end with the authority, and some clients refuse what is valid for longer than 398 days.
_LIFETIME: Final = timedelta(days=365)
# Longer than an emulator runs: what it has made on its first day must not end under it.
_RENEWED_BEFORE: Final = timedelta(days=60)
# For clients whose clock is not right.
_BACKDATED: Final = timedelta(days=1)

# By which it is seen what a file's certificate is limited to, without the library that makes certificates.
_HEADER: Final = f"# agentcore-emulator answers on this machine for {' '.join(AWS_DOMAINS)}\n"

# A client may ask for any number of names: each bucket is one.
_CONTEXTS_KEPT: Final = 256


class Authority:
    """Makes TLS contexts for AWS names; those of one state folder's emulators are all vouched for by one key.

    The library that makes certificates takes a twentieth of a second to import, which happens here with the first
    context, or where there is no authority yet.
    """

    def __init__(self, file: Path) -> None:
        self._folder = file.parent
        self._pem = file.read_bytes()
        self.certificate = self._pem[self._pem.index(b"-----BEGIN CERTIFICATE") :].decode("ascii")
        """In PEM, for clients to trust."""
        self.context = functools.lru_cache(maxsize=_CONTEXTS_KEPT)(self._make_context)
        """`context(name)`: for a server with a certificate for just this name; blocking. Raises `OSError`."""

    @classmethod
    def open(cls, folder: Path, now: float) -> Authority:
        """The authority of `folder`, made if there is none, renewed with the same key if it ends soon. Blocking.

        `now` is real time in seconds since the epoch. Several emulators may open one folder at once. Raises `OSError`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / FILE_NAME
        with _locked(folder):
            if _ends(file) - now < _RENEWED_BEFORE.total_seconds():
                # No key ends up in a commit.
                (folder / ".gitignore").write_text("*\n", "utf-8")
                put(file, _make(file, now), 0o600)
            return cls(file)

    def _make_context(self, name: str) -> ssl.SSLContext:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        authority = x509.load_pem_x509_certificate(self._pem)
        authority_key = serialization.load_pem_private_key(self._pem, None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(key, "agentcore-emulator", authority.subject)
        builder = builder.not_valid_before(authority.not_valid_before_utc)
        builder = builder.not_valid_after(authority.not_valid_after_utc)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        # ssl reads keys from files alone; this one is readable by its user alone.
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            file.write(_pem(key, _signed(builder, authority_key)))
            file.flush()
            context.load_cert_chain(file.name)
        return context


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _ends(file: Path) -> float:
    """When the authority in `file` ends, in seconds since the epoch; 0 if what is there is none, or for other names."""
    try:
        if not file.read_text("ascii").startswith(_HEADER):
            return 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Fails unless key and certificate are a pair. The password is for a key that asks for one.
        context.load_cert_chain(file, password="")
        context.load_verify_locations(file)
        [certificate] = context.get_ca_certs()
        return ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    except FileNotFoundError:
        return 0
    except (ssl.SSLError, ValueError):
        return 0


def _make(file: Path, now: float) -> bytes:
    """The content for `file`, with the key that is there if it is one."""
    from cryptography import x509

    key = _key_in(file)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # The name tells authorities apart that one client may trust.
    name = f"agentcore-emulator {identifier.digest.hex()[:12]}"
    moment = datetime.fromtimestamp(now, UTC)
    builder = _begin(key, name, None)
    builder = builder.not_valid_before(moment - _BACKDATED).not_valid_after(moment + _LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(
        x509.NameConstraints(
            permitted_subtrees=[x509.DNSName(domain) for domain in AWS_DOMAINS],
            # What is limited to names may still vouch for addresses.
            excluded_subtrees=[
                x509.IPAddress(ipaddress.IPv4Network("0.0.0.0/0")),
                x509.IPAddress(ipaddress.IPv6Network("::/0")),
            ],
        ),
        critical=True,
    )
    return _HEADER.encode("ascii") + _pem(key, _signed(builder, key))


def _key_in(file: Path) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (FileNotFoundError, TypeError, ValueError):  # None there, one with a password, or what is no key.
        key = None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else ec.generate_private_key(ec.SECP256R1())


def _begin(key: ec.EllipticCurvePrivateKey, name: str, issuer: x509.Name | None) -> x509.CertificateBuilder:
    from cryptography import x509

    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer or subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
