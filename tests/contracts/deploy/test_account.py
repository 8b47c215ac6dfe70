from __future__ import annotations

import pytest

from agentcore_contracts.deploy.account import Account, is_near


@pytest.mark.parametrize(
    ("endpoint", "near"),
    [
        ("http://127.0.0.1:4747", True),
        ("http://[::1]:4747", True),
        ("http://localhost:4747", True),
        ("https://example.com", False),
        ("https://127.0.0.1.example.com", False),
        (None, False),
    ],
)
def test_is_near(endpoint: str | None, near: bool) -> None:
    assert is_near(endpoint) is near
    assert Account("us-east-1", endpoint).is_emulator is near


def test_names_are_of_account_and_region(account: Account) -> None:
    assert account.bucket == "agentcore-contracts-123456789012-us-east-1"
    assert account.role == "agentcore-contracts-us-east-1"


def test_a_shell_that_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4747")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:4747")
    assert Account("eu-west-1").client("s3").meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"
