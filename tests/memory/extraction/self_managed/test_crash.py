"""A real emulator that is killed between an event and its delivery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from .conftest import Pipeline


def test_what_waits_is_delivered_after_the_next_start(
    agent: Path, tmp_path: Path, make_pipeline: Callable[..., Pipeline]
) -> None:
    options = [str(agent), "--state-dir", str(tmp_path), "--isolation", "plain", "--clock", "virtual"]
    with EmulatorProcess(*options) as emulator:
        before = make_pipeline(emulator)
        before.create(messages=3, idle=3000)
        before.say("a", "b", "c", "d")
        assert before.texts() == [["a", "b", "c"]]
        emulator.kill()
    with EmulatorProcess(*options) as emulator:
        after = make_pipeline(emulator)
        after.name, after.memory, after.strategies = before.name, before.memory, before.strategies
        after.set_up()
        assert after.notified() == []
        after.say("e")
        assert after.notified() == []
        emulator.clock.advance(3000)
        assert after.texts() == [["d", "e"]]


def test_what_was_under_way_fails_without_its_bucket_and_is_started_again(
    agent: Path, tmp_path: Path, make_pipeline: Callable[..., Pipeline]
) -> None:
    options = [str(agent), "--state-dir", str(tmp_path), "--isolation", "plain", "--clock", "virtual"]
    with EmulatorProcess(*options, "--extraction-delay", "60") as emulator:
        before = make_pipeline(emulator)
        before.create(messages=2)
        before.say("a", "b")
        before.say("c", "d")
        emulator.kill()
    with EmulatorProcess(*options) as emulator:
        after = make_pipeline(emulator)
        after.name, after.memory, after.strategies = before.name, before.memory, before.strategies
        emulator.clock.advance(60)
        second, first = after.failed()
        assert "NoSuchBucket" in first["failureReason"]
        after.set_up()
        after.start(second["jobID"])
        # With it those of its session that failed earlier.
        assert after.texts() == [["a", "b"], ["c", "d"]]
