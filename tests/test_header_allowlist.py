import pytest

from agentcore_emulator.header_allowlist import RESTRICTED, check_name, check_names


# The SDK's own import uses a form of pydantic models that pydantic is about to give up.
@pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning")
def test_the_restricted_names_are_those_of_the_sdk() -> None:
    from bedrock_agentcore.runtime.models import RESTRICTED_HEADERS

    # The SDK also lists HTTP/2's pseudo headers, which are no names to begin with.
    assert {name for name in RESTRICTED_HEADERS if not name.startswith(":")} == RESTRICTED


@pytest.mark.parametrize(
    "name",
    [
        "X-Tenant",
        "traceparent",
        "a" * 256,
        "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Thing",
        "X-Amz-Bedrock-AgentCore-Identity-WAT",
    ],
)
def test_names_that_may_be_allowed(name: str) -> None:
    assert check_name(name, jwt=False) == name.lower()


@pytest.mark.parametrize("name", ["Cookie", "HOST", "x-forwarded-for", "X-Amz-Date", "x-amzn-trace-id", "Accept"])
def test_names_that_agentcore_keeps_to_itself(name: str) -> None:
    with pytest.raises(ValueError, match="never passes to an agent"):
        check_name(name, jwt=True)


@pytest.mark.parametrize("name", ["", "1st", "a b", "a:b", "x.y", "ä", "a" * 257, "a\n"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="is not a header name"):
        check_name(name, jwt=True)


def test_authorization_needs_a_jwt_authorizer() -> None:
    assert check_name("Authorization", jwt=True) == "authorization"
    with pytest.raises(ValueError, match="customJWTAuthorizer"):
        check_name("Authorization", jwt=False)


def test_one_to_twenty_names_none_twice() -> None:
    check_names(["a"])
    check_names([f"name-{i}" for i in range(20)])
    with pytest.raises(ValueError, match="holds 0 names"):
        check_names([])
    with pytest.raises(ValueError, match="holds 21 names"):
        check_names([f"name-{i}" for i in range(21)])
    with pytest.raises(ValueError, match="'X-A' twice"):
        check_names(["X-A", "b", "x-a"])
