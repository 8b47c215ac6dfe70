"""The certificates that clients are to trust, in files that their environment names: the usual roots, and our own."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import certifi

from agentcore_emulator.proxy.files import put

__all__ = ["BUNDLE_VARIABLES", "NODE_VARIABLE", "Trust", "publish"]

BUNDLE_VARIABLES: Final = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""By these OpenSSL and Go, botocore, requests, and curl are told what to trust instead of the usual roots."""

NODE_VARIABLE: Final = "NODE_EXTRA_CA_CERTS"
"""By this Node is told what to trust besides them."""

_CERTIFICATE: Final = re.compile(r"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]+-----END \1-----")


class Trust(NamedTuple):
    """Two files with certificates in PEM, readable by everybody.

    `bundle` holds the caller's roots, or the usual ones, and our own; `extra` our own and what the caller has for Node.
    """

    bundle: Path
    extra: Path


def publish(folders: Sequence[Path], certificate: str, caller: Mapping[str, str]) -> list[Trust]:
    """Write the files into each of `folders`; `certificate` is our own, in PEM. Blocking. Raises `OSError`."""
    chosen = [file for name in BUNDLE_VARIABLES for file in _files(caller.get(name))]
    usual = [Path(certifi.where()), Path(ssl.get_default_verify_paths().openssl_cafile)]
    bundle = _joined([certificate, *map(_read, chosen or usual)])
    extra = _joined([certificate, *map(_read, _files(caller.get(NODE_VARIABLE)))])
    return [_write(folder, bundle, extra) for folder in folders]


def _files(named: str | None) -> Iterator[Path]:
    """What a variable names: a file, or a folder of files, which requests takes as well."""
    path = Path(named) if named else None
    if path is not None and path.is_dir():
        yield from sorted(path.iterdir())
    elif path is not None and path.is_file():
        yield path


def _read(file: Path) -> str:
    # A root that cannot be read is missed by those who need it, as it would be without us.
    with suppress(OSError):
        return file.read_text("latin-1")
    return ""


def _joined(texts: Sequence[str]) -> str:
    """All certificates in `texts`, each once: the same roots come by several ways, and reading them takes time."""
    found = (match[0] for text in texts for match in _CERTIFICATE.finditer(text))
    return "".join(f"{block}\n" for block in {re.sub(r"\s", "", block): block for block in found}.values())


def _write(folder: Path, bundle: str, extra: str) -> Trust:
    folder.mkdir(parents=True, exist_ok=True)
    trust = Trust(folder / "bundle.pem", folder / "extra.pem")
    for file, text in ((trust.bundle, bundle), (trust.extra, extra)):
        if _read(file) != text:
            put(file, text.encode("latin-1"), 0o644)
    return trust
