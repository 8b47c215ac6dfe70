from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentcore_emulator.testing import EmulatorProcess, new_session

READ = """
import datetime, pickle, time
from datetime import datetime as DateTime, date
moment = DateTime(2020, 1, 1)
answer({
    "time": time.time(),
    "time_ns": time.time_ns() / 1e9,
    "now": DateTime.now().timestamp(),
    "zoned": DateTime.now(datetime.timezone.utc).timestamp(),
    "utcnow": DateTime.utcnow().replace(tzinfo=datetime.timezone.utc).timestamp(),
    "today": DateTime.today().timestamp(),
    "localtime": time.mktime(time.localtime()),
    "gmtime": time.mktime(time.gmtime()) - time.timezone,
    "ctime": time.mktime(time.strptime(time.ctime())),
    "strftime": time.mktime(time.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")),
    "date": date.today().isoformat(),
    "given": [time.gmtime(0).tm_year, time.ctime(0) == time.ctime(0.0), time.strftime("%Y", time.gmtime(0))],
    "isinstance": isinstance(moment, datetime.date) and isinstance(datetime.datetime.max, DateTime),
    "pickled": pickle.loads(pickle.dumps(moment)) == moment,
    "difference": (moment - DateTime(2019, 12, 31)).days,
})
"""


@pytest.mark.parametrize("platform", ["V1", "V2"])
@pytest.mark.parametrize("clock", ["virtual", "system"])
def test_an_agent_sees_what_was_advanced(
    write_agent: Callable[[str], Path], puppet: str, clock: str, platform: str
) -> None:
    options = ["--clock", clock, "--platform", platform, "--guest-time", "--quirks", "off"]
    with EmulatorProcess(write_agent(puppet), *options) as emulator:
        client = emulator.client("bedrock-agentcore")
        session = new_session()

        def call(code: str) -> Any:
            answer = client.invoke_agent_runtime(
                agentRuntimeArn=emulator.arn, runtimeSessionId=session, contentType="text/x-python", payload=code
            )
            return json.load(answer["response"])

        for advanced in (0, 100_000):
            shown = httpx.post(f"{emulator.url}/_emulator/clock/advance", json={"seconds": advanced}).json()["time"]
            said = call(READ)
            kinds = ["time", "time_ns", "now", "zoned", "utcnow", "today", "localtime", "gmtime", "ctime", "strftime"]
            for kind in kinds:
                assert said[kind] == pytest.approx(shown, abs=30), kind
            if clock == "virtual":
                assert said["time"] == shown
            assert said["given"] == [1970, True, "1970"]
            assert said["isinstance"]
            assert said["pickled"]
            assert said["difference"] == 1
