from __future__ import annotations

import re

from agentcore_emulator import resource_ids


def test_an_id_starts_with_the_name() -> None:
    made = {resource_ids.new_resource_id("my_notes") for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"my_notes-[a-zA-Z0-9]{10}", memory_id) for memory_id in made)


def test_tokens_are_told_apart() -> None:
    tokens = ["a", "A", "a ", "é", "x" * 10_000, "x" * 10_001]
    digests = {resource_ids.token_digest({"clientToken": token}) for token in tokens}
    assert len(digests) == len(tokens)
    assert resource_ids.token_digest({"clientToken": "a"}) in digests


def test_no_token_has_no_digest() -> None:
    assert resource_ids.token_digest({}) is None
    assert resource_ids.token_digest({"clientToken": ""}) is None
