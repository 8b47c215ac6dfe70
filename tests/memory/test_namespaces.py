from __future__ import annotations

import pytest

from agentcore_emulator.memory.namespaces import normalized


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/actors/alice/", "/actors/alice/"),
        ("actors/alice", "/actors/alice/"),
        ("//actors//alice//", "/actors//alice/"),
        ("{sessionId}", "/{sessionId}/"),
        ("/", "/"),
        ("", "/"),
    ],
)
def test_a_namespace_has_one_slash_at_either_end(text: str, expected: str) -> None:
    assert normalized(text) == expected
