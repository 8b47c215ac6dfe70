"""Frames as the SDK's own framer reads and writes them."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.runtime.shell import framing
from agentcore_emulator.runtime.shell.framing import Channel

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Of what the SDK uses.
    from bedrock_agentcore.runtime.shell import ShellChannel, ShellFramer, ShellSession

FRAMER = ShellFramer()


def test_the_channels_are_the_sdks() -> None:
    assert {channel.name: channel.value for channel in Channel} == {
        channel.name: channel.value for channel in ShellChannel if channel is not ShellChannel.UNKNOWN
    }
    assert framing.LARGEST_FRAME == ShellFramer.MAX_FRAME_SIZE


def test_a_confirmation() -> None:
    frame = FRAMER.decode(framing.connected("one", reconnected=True))
    assert frame.channel is ShellChannel.STATUS
    assert frame.json()["metadata"] == {"shellId": "one", "reconnected": True}
    assert ShellSession._is_confirmation_status(frame.json())
    assert not ShellSession._is_termination_status(frame.json())


@pytest.mark.parametrize(("code", "shown", "signal"), [(0, 0, None), (7, 7, None), (-9, 137, "9")])
def test_an_exit(code: int, shown: int, signal: str | None) -> None:
    status = FRAMER.decode(framing.exited(code)).json()
    assert ShellSession._is_termination_status(status)
    assert ShellSession._parse_exit_code(status) == shown
    assert (status["status"] == "Success") is (shown == 0)
    causes = {cause["reason"]: cause["message"] for cause in status.get("details", {}).get("causes", [])}
    assert causes.get("Signal") == signal


def test_a_failure() -> None:
    status = FRAMER.decode(framing.failed("it broke")).json()
    assert ShellSession._is_termination_status(status)
    assert ShellSession._parse_exit_code(status) is None
    assert (status["reason"], status["message"], status["code"]) == ("InternalError", "it broke", 500)


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_a_window(width: int, height: int) -> None:
    assert framing.window(FRAMER.encode_resize(width, height)[1:]) == (width, height)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b'{"width": 80}',
        b'{"width": 0, "height": 1}',
        b'{"width": 1, "height": 65536}',
        b'{"width": true, "height": 1}',
        b'{"width": 80.5, "height": 24}',
        b'{"width": "80", "height": 24}',
        b'{"width": NaN, "height": 24}',
        b"[" * 60_000,
        b"\xff",
    ],
)
def test_what_is_no_window(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"RESIZE|columns"):
        framing.window(payload)
