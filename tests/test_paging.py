from __future__ import annotations

import pytest
from sqlalchemy import Row, create_engine, text

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.paging import Listing

PLACE = ("notes-abcdefghi0", "actor", "session")


def rows(*values: str) -> list[Row[tuple[str]]]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        found = [connection.execute(text("SELECT :value AS id"), {"value": value}).one() for value in values]
    engine.dispose()
    return found


def test_a_token_says_after_which_row_to_go_on() -> None:
    listing = Listing("ListEvents", *PLACE, {})
    (token,) = listing.continued(rows("c", "b", "a"), 2, "id").values()
    assert Listing("ListEvents", *PLACE, {}).position(token) == "b"


def test_no_token_when_nothing_follows() -> None:
    listing = Listing("ListEvents", *PLACE, {})
    assert listing.continued(rows("b", "a"), 2, "id") == {}
    assert listing.continued([], 2, "id") == {}


def test_no_token_is_the_first_page() -> None:
    assert Listing("ListMemories").position(None) is None


def test_the_filter_is_compared_by_what_it_says() -> None:
    one = Listing("ListEvents", *PLACE, {"branch": {"name": "b", "includeParentBranches": True}})
    same = Listing("ListEvents", *PLACE, {"branch": {"includeParentBranches": True, "name": "b"}})
    (token,) = one.continued(rows("b", "a"), 1, "id").values()
    assert same.position(token) == "b"


@pytest.mark.parametrize(
    "other",
    [
        Listing("ListSessions", *PLACE, {}),
        Listing("ListEvents", "other-abcdefghi0", "actor", "session", {}),
        Listing("ListEvents", "notes-abcdefghi0", "other", "session", {}),
        Listing("ListEvents", "notes-abcdefghi0", "actor", "other", {}),
        Listing("ListEvents", *PLACE, {"branch": {"name": "main"}}),
    ],
)
def test_another_listing_refuses_the_token(other: Listing) -> None:
    (token,) = Listing("ListEvents", *PLACE, {}).continued(rows("b", "a"), 1, "id").values()
    with pytest.raises(ValidationException, match="did not give it for these parameters"):
        other.position(token)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "=", "ü", "\ud800", "////", "A" * 10_000, "null"])
def test_a_damaged_token_is_refused(token: str) -> None:
    with pytest.raises(ValidationException) as caught:
        Listing("ListEvents", *PLACE, {}).position(token)
    assert caught.value.message == "Invalid nextToken: ListEvents did not give it for these parameters"
    assert [name for name, _ in caught.value.fields] == ["nextToken"]
