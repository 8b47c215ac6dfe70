"""The built-in issuer of tokens, so that nobody needs an identity provider to try inbound auth."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentcore_emulator.clock import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["PATH", "Issuer"]

PATH: Final = "/_emulator/issuer"
"""Where the issuer is, below the emulator's URL."""

_log = logging.getLogger(__name__)

_FILE: Final = "issuer.json"
# The one that every identity provider and every library knows.
_ALGORITHM: Final = "RS256"
_BITS: Final = 2048


@dataclass(frozen=True)
class _Key:
    key_id: str
    private: RSAPrivateKey


class Issuer:
    """Signs tokens, with keys that are made when they are first needed and kept in `folder`, which exists."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = folder / _FILE
        self._clock = clock
        self._keys: list[_Key] = []
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> Mapping[str, Any] | None:
        """The public key of that id as a JSON Web Key, None if the issuer has none."""
        return next((_public(key) for key in await self._ready() if key.key_id == key_id), None)

    async def key_set(self) -> dict[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        return {"keys": [_public(key) for key in await self._ready()]}

    async def rotate(self, *, drop: bool) -> str:
        """Sign with a new key from now on, and return its id.

        Tokens of the keys before stay good, unless `drop` takes these away.
        """
        await self._ready()
        async with self._lock:
            new = await asyncio.to_thread(_make)
            self._keys = [*([] if drop else self._keys), new]
            await asyncio.to_thread(_save, self._file, self._keys)
            return new.key_id

    async def mint(self, issuer: str, lifetime: float, claims: Mapping[str, Any]) -> str:
        """A token of the issuer by that URL which holds for `lifetime` seconds; its times go before those in `claims`.

        Raises `ValueError` for what JSON does not have.
        """
        import jwt

        key = (await self._ready())[-1]
        now = int(self._clock.time())
        whole = {"iss": issuer, "iat": now, "exp": now + int(lifetime), "jti": secrets.token_hex(16), **claims}
        try:
            return jwt.encode(whole, key.private, _ALGORITHM, headers={"kid": key.key_id})
        except TypeError as error:
            raise ValueError(str(error)) from None

    async def _ready(self) -> list[_Key]:
        async with self._lock:
            if not self._keys:
                self._keys = await asyncio.to_thread(_load_or_make, self._file)
            return self._keys


def _public(key: _Key) -> dict[str, Any]:
    from jwt.algorithms import RSAAlgorithm

    described = RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    return {"kty": "RSA", "n": described["n"], "e": described["e"], "kid": key.key_id, "use": "sig", "alg": _ALGORITHM}


def _make() -> _Key:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return _Key(secrets.token_hex(8), rsa.generate_private_key(public_exponent=65537, key_size=_BITS))


def _load_or_make(file: Path) -> list[_Key]:
    keys = _load(file)
    if not keys:
        keys = [_make()]
        _save(file, keys)
    return keys


def _load(file: Path) -> list[_Key]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        keys = []
        for entry in json.loads(file.read_text("utf-8"))["keys"]:
            private = load_pem_private_key(entry["pem"].encode("ascii"), password=None)
            if not isinstance(private, RSAPrivateKey):
                raise TypeError("not an RSA key")
            keys.append(_Key(str(entry["kid"]), private))
    except FileNotFoundError:
        return []
    except (AttributeError, KeyError, TypeError, ValueError):
        _log.warning("%s holds no keys that can be read; tokens that were issued with them are not accepted", file)
        return []
    return keys


def _save(file: Path, keys: list[_Key]) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    entries = [
        {
            "kid": key.key_id,
            "pem": key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        }
        for key in keys
    ]
    # Written aside and moved, so that no crash leaves half of it.
    aside = file.with_suffix(".new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump({"keys": entries}, opened)
    aside.replace(file)
