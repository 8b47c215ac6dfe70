"""What the service's model leaves open about memory records, decided in one place.

*Observed* is what others report from the live service: the repository emp3thy/better-memory. Where nothing is named,
nobody has told what AWS does, and the choice is ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.namespaces import normalized
from agentcore_emulator.memory.tables import DAY

__all__ = [
    "INVALID",
    "NOT_FOUND",
    "PAGE",
    "SYSTEM",
    "TOP_K",
    "Refused",
    "check_metadata",
    "duration",
    "indexed_keys",
    "kept_metadata",
    "namespace_of",
    "place",
]

#: botocore model, documentation of ListMemoryRecords and RetrieveMemoryRecords.
PAGE: Final = 20
#: AWS documentation of `SearchCriteria`. The limit of all pages together; AWS does not say whether there are several.
TOP_K: Final = 10
#: How the keys begin that the service sets itself (AWS developer guide, "Structured metadata for long-term memories").
SYSTEM: Final = "x-amz-agentcore-memory-"

#: `errorCode` of a record in a batch: 400 was observed, 404 goes with it.
INVALID: Final = 400
NOT_FOUND: Final = 404

_TYPES: Final = {
    "stringValue": "STRING",
    "stringListValue": "STRINGLIST",
    "numberValue": "NUMBER",
    "dateTimeValue": "DATETIME",
}


class Refused(Exception):
    """One record of a batch cannot be written; the others can."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def place(given: Mapping[str, Any]) -> tuple[str, bool]:
    """The normalized namespace that a listing or a search is about, and whether all that lies below it is meant too.

    Raises ValidationException unless exactly one of `namespace` and `namespacePath` is given. The message for none is
    what better-memory has of the service; the SDK has the same one of its own.
    """
    exact, path = given.get("namespace"), given.get("namespacePath")
    if exact is not None and path is not None:
        raise _invalid("Only one of 'namespace' or 'namespacePath' can be provided", "namespacePath")
    if path is not None:
        return normalized(path), True
    if exact is not None:
        return normalized(exact), False
    raise _invalid("At least one of 'namespace' or 'namespacePath' must be provided", "namespace")


def namespace_of(given: list[str]) -> str:
    """The normalized namespace of a new record: the root if it was given none, which the model allows."""
    return normalized(given[0]) if given else "/"


def duration(specification: Mapping[str, Any] | None) -> int | None:
    """Milliseconds after which a `RecordExpirySpecification` lets records expire; None if it names no days."""
    days: int | None = (specification or {}).get("recordExpiryDurationDays")
    return None if days is None else days * DAY


def indexed_keys(settings: Mapping[str, Any]) -> dict[str, str]:
    """Type by name of the keys that a memory's `settings` declare as indexed."""
    return {entry["key"]: entry["type"] for entry in settings.get("indexedKeys", ())}


def check_metadata(metadata: Mapping[str, Any], indexed: Mapping[str, str]) -> None:
    """Raise `Refused` for metadata that a record cannot have, in the words of the service (observed)."""
    reserved = sorted(name for name in metadata if name.startswith(SYSTEM))
    if reserved:
        raise Refused(INVALID, f"Metadata keys cannot use reserved names or prefixes: {', '.join(reserved)}")
    for name, value in metadata.items():
        ((member, content),) = value.items()
        if name in indexed and _TYPES[member] != indexed[name]:
            declared = f"declared indexed key type '{indexed[name]}'"
            raise Refused(INVALID, f"Metadata key '{name}' value type does not match {declared}.")
        if member == "numberValue" and not math.isfinite(content):
            raise Refused(INVALID, f"Metadata key '{name}' value is not a finite number.")


def kept_metadata(metadata: Mapping[str, Any], strategy: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What is kept of a record's metadata under a strategy, by its `settings`, or under none.

    A strategy keeps the keys of its `memoryRecordSchema` and drops the others silently; without one all are kept (AWS
    developer guide, "Structured metadata for long-term memories").
    """
    if strategy is None:
        return metadata
    schema = strategy.get("memoryRecordSchema", {}).get("metadataSchema", ())
    known = {entry["key"] for entry in schema}
    return {name: value for name, value in metadata.items() if name in known}


def _invalid(message: str, member: str) -> ValidationException:
    return ValidationException(message, fields=[(member, message)])
