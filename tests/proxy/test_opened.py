from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from agentcore_emulator.proxy.opened import opened


async def test_what_clients_and_guests_are_given(tmp_path: Path) -> None:
    state, run = tmp_path / "state", tmp_path / "run"
    async with opened("http://127.0.0.1:60000", state, run, time.time(), {"NO_PROXY": "mine.example"}) as proxy:
        assert proxy.for_clients["HTTPS_PROXY"] == proxy.for_guests["HTTPS_PROXY"] == proxy.proxy.url
        assert proxy.for_clients["NO_PROXY"] == "mine.example,localhost,127.0.0.1,::1"
        assert proxy.for_clients["SSL_CERT_FILE"] == str(state / "certificates" / "bundle.pem")
        assert proxy.for_guests["SSL_CERT_FILE"] == str(run / "certificates" / "bundle.pem")
        assert proxy.shown == run / "certificates"
        # No key is where guests look.
        assert sorted(file.name for file in proxy.shown.iterdir()) == ["bundle.pem", "extra.pem"]
        port = int(proxy.proxy.url.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


async def test_a_state_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(ValueError, match=r"there can be no certificates in .*state/certificates: Not a directory$"):
        async with opened("http://127.0.0.1:60000", tmp_path / "state", tmp_path / "run", time.time(), {}):
            pass
