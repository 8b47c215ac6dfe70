"""The filters on records' metadata, as SQL.

What each operator works with is the table "Supported operators" in the AWS developer guide, "Structured metadata for
long-term memories".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, not_, select, true

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.record_rules import SYSTEM
from agentcore_emulator.memory.tables import record_metadata, records

__all__ = ["metadata_conditions"]

# Columns by the names of the keys that the service sets itself, which need not be indexed.
_SYSTEM_KEYS: Final[Mapping[str, tuple[str, ColumnElement[Any]]]] = {
    f"{SYSTEM}recordType": ("STRING", records.c.kind),
    f"{SYSTEM}createdAt": ("DATETIME", records.c.created_at),
    f"{SYSTEM}updatedAt": ("DATETIME", records.c.updated_at),
}
_Comparison = Callable[[Any, Any], ColumnElement[bool]]
# The types of key that an operator works with, and what it asks of the value.
_COMPARISONS: Final[Mapping[str, tuple[frozenset[str], _Comparison]]] = {
    "EQUALS_TO": (frozenset({"STRING", "NUMBER"}), operator.eq),
    "CONTAINS": (frozenset({"STRINGLIST"}), operator.eq),
    "GREATER_THAN": (frozenset({"NUMBER"}), operator.gt),
    "GREATER_THAN_OR_EQUALS": (frozenset({"NUMBER"}), operator.ge),
    "LESS_THAN": (frozenset({"NUMBER"}), operator.lt),
    "LESS_THAN_OR_EQUALS": (frozenset({"NUMBER"}), operator.le),
    "BEFORE": (frozenset({"DATETIME"}), operator.lt),
    "AFTER": (frozenset({"DATETIME"}), operator.gt),
}
# What is compared with a key of each type. One item is looked for in a list.
_MEMBERS: Final = {
    "STRING": "stringValue",
    "STRINGLIST": "stringValue",
    "NUMBER": "numberValue",
    "DATETIME": "dateTimeValue",
}


def metadata_conditions(
    given: Sequence[Mapping[str, Any]], indexed: Mapping[str, str], at: str
) -> Iterator[ColumnElement[bool]]:
    """One condition on `records` for each `MemoryMetadataFilterExpression`; a record must meet all of them.

    `indexed` are the types of the memory's indexed keys by name, `at` is the member that holds the filters. Raises
    ValidationException for a key that is not indexed and for a value of another type than the key's, in words that were
    observed on the live service (emp3thy/better-memory; the latter in a batch), and for an operator that does not work
    with the key's type or lacks its value.
    """
    for number, expression in enumerate(given, start=1):
        where = f"{at}.{number}.member"
        name, sign = expression["left"]["metadataKey"], expression["operator"]
        if name in _SYSTEM_KEYS:
            kind, column = _SYSTEM_KEYS[name]
        elif name in indexed:
            kind, column = indexed[name], None
        else:
            raise _refused(f"Filter key '{name}' is not a valid filter key", f"{where}.left")
        present = true() if column is not None else _rows(name).exists()
        match sign:
            case "EXISTS":
                yield present
            case "NOT_EXISTS":
                yield not_(present)
            case _:
                value = _value(expression, name, kind, sign, where)
                compare = _COMPARISONS[sign][1]
                if column is not None:
                    yield compare(column, value)
                else:
                    stored = record_metadata.c.number if kind == "NUMBER" else record_metadata.c.text
                    yield _rows(name).where(record_metadata.c.type == kind, compare(stored, value)).exists()


def _rows(name: str) -> Any:
    return select(record_metadata.c.name).where(
        record_metadata.c.record_key == records.c.key, record_metadata.c.name == name
    )


def _value(expression: Mapping[str, Any], name: str, kind: str, sign: str, where: str) -> Any:
    if kind not in _COMPARISONS[sign][0]:
        raise _refused(f"Operator '{sign}' is not supported for filter key '{name}' of type '{kind}'", where)
    given = expression.get("right", {}).get("metadataValue")
    if given is None:
        rule = f"Member must not be null with {sign}"
        raise _refused(f"Value at '{where}.right' failed to satisfy constraint: {rule}", f"{where}.right")
    if _MEMBERS[kind] not in given:
        declared = f"declared indexed key type '{kind}'"
        raise _refused(f"Filter key '{name}' value type does not match {declared}", f"{where}.right")
    value = given[_MEMBERS[kind]]
    # Milliseconds of the decimal number that the client wrote, with what a client may have written beyond them.
    return float(Decimal(repr(value)) * 1000) if kind == "DATETIME" else value


def _refused(message: str, at: str) -> ValidationException:
    return ValidationException(message, fields=[(at, message)])
