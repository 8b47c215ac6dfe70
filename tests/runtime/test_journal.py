from __future__ import annotations

import json

import pytest

from agentcore_emulator.runtime.journal import Journal


@pytest.fixture
def journal(caplog: pytest.LogCaptureFixture) -> Journal:
    caplog.set_level("INFO", logger="agentcore_emulator")
    return Journal("[agent s-1]")


def test_lines_are_logged_and_kept_in_order(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.happened("started, pid 7")
    journal.printed("hello")
    assert list(journal.lines) == ["started, pid 7", "hello"]
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("agentcore_emulator.session", "INFO", "[agent s-1] started, pid 7"),
        ("agentcore_emulator.agent", "INFO", "[agent s-1] | hello"),
    ]


def test_only_the_last_lines_are_kept(journal: Journal) -> None:
    for number in range(600):
        journal.printed(str(number))
    assert list(journal.lines) == [str(number) for number in range(100, 600)]


def test_a_long_line_is_kept_in_part_and_logged_whole(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.printed("x" * 20_000)
    assert [len(line) for line in journal.lines] == [10_000]
    assert len(caplog.records[0].getMessage()) > 20_000


def test_the_sdks_records_are_made_readable(journal: Journal) -> None:
    record = {
        "timestamp": "2026-11-23T02:49:57.275Z",
        "level": "ERROR",
        "message": "Invocation failed (0.001s)",
        "logger": "bedrock_agentcore.app",
        "requestId": "r",
        "errorType": "ValueError",
        "stackTrace": ["Traceback (most recent call last):\n", '  File "a.py", line 3, in f\n', "ValueError: no\n"],
    }
    journal.printed(json.dumps(record))
    assert list(journal.lines) == [
        "ERROR bedrock_agentcore.app: Invocation failed (0.001s)",
        "Traceback (most recent call last):",
        '  File "a.py", line 3, in f',
        "ValueError: no",
    ]
    record["stackTrace"] = "one\ntwo\n"
    journal.printed(json.dumps(record))
    assert list(journal.lines)[-2:] == ["one", "two"]


@pytest.mark.parametrize(
    "line",
    [
        '{"message": "mine"}',
        '{"message": "cut',
        '{"level": 1, "message": 2}',
        '["message"]',
        "{}",
        "",
        "plain",
        '{"message": ' + "[" * 9_000,
        '{"a": "message"}',
    ],
)
def test_what_is_no_record_of_the_sdk_stays_as_it_is(journal: Journal, line: str) -> None:
    journal.printed(line)
    assert list(journal.lines) == [line]
