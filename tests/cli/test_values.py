from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentcore_emulator.cli import values


@pytest.mark.parametrize(
    ("meaning", "text", "value"),
    [
        (values.items, " a, ,b,", ["a", "b"]),
        (values.items, "", []),
        (values.words, "node 'my server.js'", ("node", "my server.js")),
        (values.seconds, "2.5", 2.5),
        (values.seconds, "0", 0.0),
        (values.mount_name, "/mnt/data/", "data"),
        (values.services, "s3,bedrock-runtime", frozenset({"s3", "bedrock-runtime"})),
        (values.services, "", frozenset()),
    ],
)
def test_what_values_mean(meaning: Callable[[str], Any], text: str, value: Any) -> None:
    assert meaning(text) == value


@pytest.mark.parametrize(
    ("meaning", "text", "why"),
    [
        (values.words, "  ", "names no program"),
        (values.words, "node 'open", "No closing quotation"),
        (values.seconds, "soon", "'soon' is not a number of seconds"),
        (values.seconds, "-1", "is not a number of seconds"),
        (values.seconds, "nan", "is not a number of seconds"),
        (values.seconds, "1e12", "is not a number of seconds"),
        (values.mount_name, "/mnt/a/b", "is not one folder below /mnt"),
        (values.mount_name, "/mnt/..", "is not one folder below /mnt"),
        (values.services, "bedrock-runtim", "did you mean 'bedrock-runtime'"),
        (values.services, "qqqq", "by the names that boto3.client"),
    ],
)
def test_what_means_nothing(meaning: Callable[[str], Any], text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        meaning(text)
