from __future__ import annotations

import re

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory import ids


def test_an_event_id_is_the_time_and_a_random_suffix() -> None:
    made = {ids.new_event_id(1_756_147_154_000) for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"0000001756147154000#[0-9a-f]{8}", event_id) for event_id in made)


def test_event_ids_sort_by_time() -> None:
    times = [0, 9, 10, 999, 1_000, 1_756_147_154_000, 253_402_300_799_999]
    made = [ids.new_event_id(time) for time in times]
    assert sorted(made) == made


@pytest.mark.parametrize(
    "given",
    [
        "notes-abcdefghi0",
        "a-0123456789",
        "with-dash_and_line-0123456789",
        "arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/notes-abcdefghi0",
        "arn:aws-us-gov:bedrock-agentcore:us-gov-west-1:123456789012:memory/notes-abcdefghi0",
    ],
)
def test_ids_and_arns_pass(given: str) -> None:
    ids.check_memory_id(given)


@pytest.mark.parametrize(
    "given",
    [
        "invalid-memory-id",
        "notes-abcdefghi",
        "1notes-abcdefghi0",
        "notes-abcdefghi0\n",
        "memory/notes-abcdefghi0",
        "arn:aws:bedrock-agentcore:us-east-1:12345:memory/notes-abcdefghi0",
        "arn:aws:s3:::notes-abcdefghi0",
    ],
)
def test_everything_else_is_refused_in_the_services_words(given: str) -> None:
    with pytest.raises(ValidationException) as caught:
        ids.check_memory_id(given)
    assert caught.value.message == "Invalid memoryId: not a valid memory ID or ARN"
