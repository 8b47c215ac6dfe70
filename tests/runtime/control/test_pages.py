from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.paging import Listing
from agentcore_emulator.runtime.control.pages import page

ENTRIES: list[tuple[str, dict[str, Any]]] = [(f"{number:03}", {"n": number}) for number in (2, 0, 1)]


def numbers(shown: dict[str, Any]) -> list[int]:
    return [each["n"] for each in shown["found"]]


def test_pages_follow_each_other_by_position() -> None:
    first = page(Listing("List"), "found", ENTRIES, {"maxResults": 2})
    assert numbers(first) == [0, 1]
    # What was shown last is gone, and what would have come before it is new.
    changed = [("0005", {"n": 7}), ENTRIES[0], ("003", {"n": 3})]
    second = page(Listing("List"), "found", changed, {"maxResults": 2, "nextToken": first["nextToken"]})
    assert (numbers(second), "nextToken" in second) == ([2, 3], False)


def test_the_last_page_has_no_token() -> None:
    shown = page(Listing("List"), "found", ENTRIES, {})
    assert (numbers(shown), set(shown)) == ([0, 1, 2], {"found"})


def test_a_token_is_for_one_listing() -> None:
    token = page(Listing("List", "a"), "found", ENTRIES, {"maxResults": 1})["nextToken"]
    with pytest.raises(ValidationException, match="Invalid nextToken"):
        page(Listing("List", "b"), "found", ENTRIES, {"nextToken": token})
