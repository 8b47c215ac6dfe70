from __future__ import annotations

import socket

import pytest

from agentcore_emulator.listening import CannotListen, listen, url_of


def test_any_free_port_and_its_url() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        with socket.create_connection(listener.getsockname()[:2]):
            pass


def test_everywhere_is_reached_as_this_machine() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_ipv6, reason="NOT TESTED, this system has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except CannotListen:
        pytest.skip("NOT TESTED, this machine has no ::1")
    with listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_a_port_that_is_in_use() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} of 127.0.0.1 is in use, perhaps by another emulator"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_this_machines() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        listen("192.0.2.1", 0)
