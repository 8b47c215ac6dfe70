from __future__ import annotations

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.keys import check_indexed_keys, check_namespace_keys


def test_indexed_keys_are_ten_at_most_and_each_is_there_once() -> None:
    keys = [{"key": f"k{n}", "type": "STRING"} for n in range(10)]
    check_indexed_keys([])
    check_indexed_keys(keys)
    with pytest.raises(ValidationException) as many:
        check_indexed_keys([*keys, {"key": "one", "type": "STRING"}])
    assert many.value.message == "Invalid indexedKeys: a memory has at most 10 indexed keys, and would have 11"
    with pytest.raises(ValidationException) as twice:
        check_indexed_keys([{"key": "k", "type": "STRING"}, {"key": "k", "type": "NUMBER"}])
    assert twice.value.message == "Invalid indexedKeys: the key k is there already"
    assert twice.value.fields == (("indexedKeys", "the key k is there already"),)


def test_namespace_keys_are_there_once_and_have_patterns_that_are_some() -> None:
    check_namespace_keys([{"key": "team", "validation": {"regexPattern": "[a-z]+"}}, {"key": "tenant"}])
    with pytest.raises(ValidationException, match="Invalid namespaceKeys: the key team is there already"):
        check_namespace_keys([{"key": "team"}, {"key": "team"}])
    with pytest.raises(ValidationException, match="Invalid namespaceKeys: the regexPattern of team is not one: "):
        check_namespace_keys([{"key": "team", "validation": {"regexPattern": "[a-z"}}])
