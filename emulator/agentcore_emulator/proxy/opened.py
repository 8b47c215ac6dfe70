"""Opens the proxy, and says what programs need in their environment to go through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from agentcore_emulator.environment import proxy_environment
from agentcore_emulator.proxy.authority import Authority
from agentcore_emulator.proxy.proxy import Proxy, listen
from agentcore_emulator.proxy.trust import publish

__all__ = ["OpenProxy", "opened"]

_FOLDER = "certificates"


class OpenProxy(NamedTuple):
    """The proxy, and the variables for clients and for guests.

    What isolated guests trust is in the folder `shown`, since they do not see the state folder. It is for guests alone,
    because they can write there.
    """

    proxy: Proxy
    for_clients: Mapping[str, str]
    for_guests: Mapping[str, str]
    shown: Path


@asynccontextmanager
async def opened(
    emulator: str, state: Path, run_folder: Path, now: float, caller: Mapping[str, str]
) -> AsyncIterator[OpenProxy]:
    """A proxy before the emulator at the URL `emulator`, which tunnels from now on, and is closed in the end.

    `now` is real time in seconds since the epoch, `caller` the environment of whoever starts it all. Raises
    `ValueError` with one sentence.
    """
    own, shown = state / _FOLDER, run_folder / _FOLDER
    try:
        authority = await asyncio.to_thread(Authority.open, own, now)
        for_clients, for_guests = await asyncio.to_thread(publish, [own, shown], authority.certificate, caller)
    except OSError as error:
        raise ValueError(f"there can be no certificates in {own}: {error.strerror}") from None
    try:
        listener = listen(urlsplit(emulator).port or 0)
    except OSError as error:
        raise ValueError(f"the proxy for AWS names cannot listen on 127.0.0.1: {error.strerror}") from None
    proxy = Proxy(listener, authority, emulator)
    proxy.start()
    try:
        yield OpenProxy(
            proxy,
            proxy_environment(emulator, proxy.url, for_clients, caller),
            proxy_environment(emulator, proxy.url, for_guests, caller),
            shown,
        )
    finally:
        await proxy.close()
