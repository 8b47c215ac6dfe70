"""ListEvents' filter on event metadata, as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, not_, select

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.tables import event_metadata, events

__all__ = ["metadata_conditions"]


def metadata_conditions(given: Sequence[Mapping[str, Any]]) -> Iterator[ColumnElement[bool]]:
    """One condition on `events` for each `EventMetadataFilterExpression`; an event must meet all of them.

    That they are ANDed, and that NOT_EXISTS matches an event without any metadata, was observed on the live service
    through the SDK's own integration tests. EQUALS_TO compares the whole string, case and all.
    Raises ValidationException for an EQUALS_TO without a right side, which the model cannot rule out.
    """
    for number, expression in enumerate(given, start=1):
        found = select(event_metadata.c.name).where(
            event_metadata.c.event_key == events.c.key,
            event_metadata.c.name == expression["left"]["metadataKey"],
        )
        match expression["operator"]:
            case "EXISTS":
                yield found.exists()
            case "NOT_EXISTS":
                yield not_(found.exists())
            case _:
                try:
                    value = expression["right"]["metadataValue"]["stringValue"]
                except KeyError:
                    where = f"filter.eventMetadata.{number}.member.right"
                    raise ValidationException(
                        f"Value at '{where}' failed to satisfy constraint: Member must not be null with EQUALS_TO",
                        fields=[(where, "must not be null with EQUALS_TO")],
                    ) from None
                yield found.where(event_metadata.c.value == value).exists()
