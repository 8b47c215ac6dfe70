import re

import botocore.session
import pytest
from durable_memory import MAX_ACTOR_ID, MAX_SESSION_ID, identifier, scope_of
from hypothesis import example, given
from hypothesis import strategies as st

names = st.text(st.characters(), min_size=1, max_size=300)


def pattern(shape: str) -> re.Pattern[str]:
    model = botocore.session.get_session().get_service_model("bedrock-agentcore")
    return re.compile(model.shape_for(shape).metadata["pattern"])


ACTOR_ID, SESSION_ID = pattern("ActorId"), pattern("SessionId")


@given(names, names)
@example("ada", "Ada")
@example("a.b", "ab")
@example("a b", "a_20b")
@example("é", "e\u0301")
@example("_", "__")
@example("x" * 300, "x" * 299)
@example("\ud800", "\udfff")
def test_no_two_names_share_an_identifier(one: str, other: str) -> None:
    assert (identifier("user", one, MAX_ACTOR_ID) == identifier("user", other, MAX_ACTOR_ID)) == (one == other)


@given(names, names)
@example("x" * 250, "x" * 93)
@example("é" * 100, "x" * 94)
def test_identifiers_are_what_the_service_takes(user: str, thread: str) -> None:
    scope = scope_of(user, thread)
    assert ACTOR_ID.fullmatch(scope.actor_id)
    assert len(scope.actor_id) <= MAX_ACTOR_ID
    assert SESSION_ID.fullmatch(scope.session_id)
    assert len(scope.session_id) <= MAX_SESSION_ID


def test_nobody_can_be_named_like_the_digest_of_another() -> None:
    long = identifier("user", "x" * 300, MAX_ACTOR_ID)
    assert long.startswith("user__")
    assert identifier("user", long.removeprefix("user_"), MAX_ACTOR_ID) != long


@pytest.mark.parametrize(("name", "expected"), [("Ada", "user-Ada"), ("a/b:c", "user-a_2Fb_3Ac"), ("é", "user-_C3_A9")])
def test_ordinary_names_stay_readable(name: str, expected: str) -> None:
    assert identifier("user", name, MAX_ACTOR_ID) == expected
