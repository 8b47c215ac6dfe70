from __future__ import annotations

import dataclasses

import pytest

from agentcore_contracts import EVIDENCE, Contract, contract

GOOD = {"id": "RT-001", "title": "It works", "evidence": "aws-docs", "source": "a page"}


def test_kinds_of_evidence() -> None:
    assert EVIDENCE == ("aws-recorded", "sdk-source", "aws-docs", "aws-model", "field-report")


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_contract_is_a_mark(evidence: str) -> None:
    @contract("RT-001", title="It works", evidence=evidence, source="a page")  # type: ignore[arg-type]
    def check() -> int:
        return 1

    (mark,) = check.pytestmark  # type: ignore[attr-defined]
    assert mark.args == (Contract(**{**GOOD, "evidence": evidence}),)  # type: ignore[arg-type]
    assert check() == 1


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Contract)])
def test_nothing_may_be_left_empty(field: str) -> None:
    with pytest.raises(ValueError, match=f"has no {field}"):
        Contract(**{**GOOD, field: " "})  # type: ignore[arg-type]


def test_the_first_version_of_the_sdk_may_be_given() -> None:
    @contract("RT-001", title="It works", evidence="aws-docs", source="a page", since="1.4.4")
    def check() -> None: ...

    (mark,) = check.pytestmark  # type: ignore[attr-defined]
    assert mark.args[0].since == "1.4.4"


def test_evidence_of_another_kind() -> None:
    with pytest.raises(ValueError, match="RT-001 has the evidence 'hearsay', not one of aws-recorded, sdk-source"):
        contract("RT-001", title="It works", evidence="hearsay", source="a friend")  # type: ignore[arg-type]
