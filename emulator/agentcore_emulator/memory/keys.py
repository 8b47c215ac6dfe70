"""The keys that a memory declares: metadata to filter by, and variables of its own for namespaces."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentcore_emulator.errors import ValidationException

__all__ = ["check_indexed_keys", "check_namespace_keys"]

# botocore model, `IndexedKeysList`, of which a memory shows one.
_MOST_INDEXED: Final = 10


def check_indexed_keys(keys: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationException unless a memory may have these `IndexedKey`s together. The words are ours."""
    if len(keys) > _MOST_INDEXED:
        raise _refused("indexedKeys", f"a memory has at most {_MOST_INDEXED} indexed keys, and would have {len(keys)}")
    _check_unique("indexedKeys", keys)


def check_namespace_keys(keys: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationException unless a memory may have these `NamespaceKeyEntry`s. The words are ours."""
    _check_unique("namespaceKeys", keys)
    for entry in keys:
        pattern = entry.get("validation", {}).get("regexPattern", "")
        try:
            re.compile(pattern)
        except (re.error, OverflowError) as error:
            raise _refused("namespaceKeys", f"the regexPattern of {entry['key']} is not one: {error}") from None


def _check_unique(member: str, keys: Sequence[Mapping[str, Any]]) -> None:
    for key, count in Counter(entry["key"] for entry in keys).items():
        if count > 1:
            raise _refused(member, f"the key {key} is there already")


def _refused(member: str, why: str) -> ValidationException:
    return ValidationException(f"Invalid {member}: {why}", fields=[(member, why)])
