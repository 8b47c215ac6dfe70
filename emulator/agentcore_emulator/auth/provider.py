"""An issuer outside the emulator: what its discovery document says of it, and its keys."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from agentcore_emulator.aws_names import is_aws_name
from agentcore_emulator.clock import Clock

__all__ = ["Provider", "Unreachable"]

_TIMEOUT_SECONDS: Final = 5.0

# In seconds on the emulator's clock: for how long keys are not asked for again, and, when there was none of an id that
# a token named, for how long other unknown ids do not make it ask.
_LIFE: Final = 300.0
_PATIENCE: Final = 10.0


class Unreachable(Exception):
    """The issuer cannot be asked; the message is one sentence with the reason and what to do."""


class Provider:
    """The issuer behind a discovery URL. Real AWS is asked only with `aws`."""

    def __init__(self, discovery_url: str, clock: Clock, *, aws: bool) -> None:
        self.issuer = ""
        """What its tokens have as `iss`; empty until the first `key`."""
        self._url = discovery_url
        self._clock = clock
        self._aws = aws
        self._keys: list[Mapping[str, Any]] = []
        self._asked = -math.inf
        self._missed = -math.inf
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> Mapping[str, Any] | None:
        """The public key of that id as a JSON Web Key, without an id the only one; None if there is none.

        Raises `Unreachable`.
        """
        # One at a time: of many calls that a new key meets, one asks.
        async with self._lock:
            now = self._clock.time()
            fresh = now - self._asked < _LIFE
            if not fresh:
                await self._ask()
            found = self._find(key_id)
            if found is None and fresh and now - self._missed >= _PATIENCE:
                await self._ask()
                found = self._find(key_id)
                if found is None:
                    self._missed = now
            return found

    def _find(self, key_id: str | None) -> Mapping[str, Any] | None:
        if key_id is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.get("kid") == key_id), None)

    async def _ask(self) -> None:
        document = await self._get(self._url)
        issuer, address = document.get("issuer"), document.get("jwks_uri")
        if not isinstance(issuer, str) or not isinstance(address, str):
            raise self._unreachable(self._url, "it is no discovery document with an issuer and a jwks_uri")
        keys = (await self._get(address)).get("keys")
        if not isinstance(keys, list):
            raise self._unreachable(address, "it is no JSON Web Key Set")
        self.issuer = issuer
        self._keys = [key for key in keys if isinstance(key, dict)]
        self._asked = self._clock.time()

    async def _get(self, url: str) -> dict[str, Any]:
        # A tenth of a second, for those alone who have an issuer of their own.
        import httpx

        try:
            host = urlsplit(url).hostname or ""
            if not self._aws and is_aws_name(host):
                raise Unreachable(
                    f"the keys of the issuer are at {host}, and nothing is sent to AWS unless --passthrough "
                    "cognito-idp is given; `agentcore-emulator token` makes a token without it"
                )
            # No redirect is followed, and a proxy that the environment names cannot reach this machine's own issuer.
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=not _is_loopback(host)) as http:
                answer = await http.get(url, headers={"accept": "application/json"})
            if answer.status_code != 200:
                raise self._unreachable(url, f"it answers {answer.status_code}")
            document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._unreachable(url, str(error) or type(error).__name__) from None
        except (ValueError, RecursionError):
            raise self._unreachable(url, "it is not JSON") from None
        if not isinstance(document, dict):
            raise self._unreachable(url, "it is no JSON object")
        return document

    def _unreachable(self, url: str, why: str) -> Unreachable:
        return Unreachable(
            f"{url} of the issuer cannot be read: {why}; see that the issuer runs, or make a token with "
            "`agentcore-emulator token`, which needs none"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
