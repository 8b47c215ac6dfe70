"""Pages of what is short enough to be listed whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentcore_emulator.paging import Listing

__all__ = ["page"]

# AWS documents no default; the model's largest.
_SIZE: Final = 100


def page(
    listing: Listing, member: str, entries: Sequence[tuple[str, dict[str, Any]]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """`{member: [...], "nextToken"?}` of entries that each have a position, by which they are sorted.

    Raises ValidationException for a token that the listing did not give.
    """
    size = given.get("maxResults", _SIZE)
    after = listing.position(given.get("nextToken"))
    left = sorted((entry for entry in entries if after is None or entry[0] > after), key=lambda entry: entry[0])
    shown: dict[str, Any] = {member: [each for _, each in left[:size]]}
    if len(left) > size:
        shown["nextToken"] = listing.token(left[size - 1][0])
    return shown
