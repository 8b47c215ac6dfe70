"""A disk that fills up under an emulator, and is emptied again."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess

WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED, this user or system cannot mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Conversation:
    """One session's events, by a client that does not try again."""

    def __init__(self, emulator: EmulatorProcess, memory: str) -> None:
        self._client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
        self._place = {"memoryId": memory, "actorId": "a", "sessionId": "s"}

    def add(self, text: str) -> str:
        payload = [{"conversational": {"role": "USER", "content": {"text": text}}}]
        answer = self._client.create_event(**self._place, eventTimestamp=WHEN, payload=payload)
        return str(answer["event"]["eventId"])

    def ids(self) -> list[str]:
        pages = self._client.get_paginator("list_events").paginate(**self._place, includePayloads=False)
        return sorted(event["eventId"] for page in pages for event in page["events"])


def test_a_full_disk_is_a_500_that_says_so_and_passes(small_disk: Path, puppet: str, tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(puppet, "utf-8")
    state = small_disk / "state"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_000_000))
    written: list[str] = []
    with EmulatorProcess(agent, "--state-dir", str(state)) as emulator:
        control: Any = emulator.client("bedrock-agentcore-control")
        memory = control.create_memory(name="m", eventExpiryDuration=7)["memory"]["id"]
        conversation = Conversation(emulator, memory)
        with pytest.raises(ClientError) as told:  # noqa: PT012 - which of them fails is the disk's affair
            while True:
                written.append(conversation.add("x" * 90_000))
        assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        error = told.value.response["Error"]
        assert error["Code"] == "ServiceException"
        assert error["Message"] == (
            f"The state file {state / 'state.db'} cannot be used (database or disk is full): "
            "free some space on its disk"
        )
        assert len(written) > 10
        assert conversation.ids() == sorted(written)
        ballast.unlink()
        written.append(conversation.add("x" * 90_000))
        assert conversation.ids() == sorted(written)
    with closing(sqlite3.connect(state / "state.db")) as left:
        assert left.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with EmulatorProcess(agent, "--state-dir", str(state)) as emulator:
        assert Conversation(emulator, memory).ids() == sorted(written)
