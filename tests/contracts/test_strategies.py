from __future__ import annotations

import json
from typing import Any

from hypothesis import find, given

from agentcore_contracts.strategies import json_values, texts


@given(json_values())
def test_json_values_are_json(value: Any) -> None:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert json.dumps(json.loads(text)) == json.dumps(value)


@given(texts())
def test_texts_can_be_sent(text: str) -> None:
    assert text.encode("utf-8").decode("utf-8") == text


def test_json_values_are_of_every_kind() -> None:
    for kind in (dict, list, str, bool, int, float, type(None)):
        assert type(find(json_values(), lambda value, kind=kind: type(value) is kind)) is kind  # type: ignore[misc]
    assert find(json_values(), lambda value: isinstance(value, int) and value > 2**64) > 2**64
