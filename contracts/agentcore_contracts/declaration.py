"""The `@contract` decorator: what a test holds its target to, and on whose word.

Imported in every pytest run that has this package installed, so it needs nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeVar, cast, get_args

import pytest

__all__ = ["EVIDENCE", "MARK", "Contract", "Evidence", "contract"]

Evidence = Literal["aws-recorded", "sdk-source", "aws-docs", "aws-model", "field-report"]
"""How we know: a recording of the deployed runtime; the code of AWS's SDKs; AWS's documentation; botocore's service
model; or what users of the service report."""

EVIDENCE: Final[tuple[Evidence, ...]] = get_args(Evidence)

MARK: Final = "agentcore_contract"
"""The pytest mark that carries a `Contract`."""

_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Contract:
    """One promise. `title` says it in a sentence, `source` names the page, shape, file or report that makes it.

    `since` is the first version of the SDK in the agent that keeps it.
    """

    id: str
    title: str
    evidence: Evidence
    source: str
    since: str = "1.0.0"

    def __post_init__(self) -> None:
        for field in fields(self):
            if not str(getattr(self, field.name)).strip():
                raise ValueError(f"contract {self.id!r} has no {field.name}")
        if self.evidence not in EVIDENCE:
            raise ValueError(f"contract {self.id} has the evidence {self.evidence!r}, not one of {', '.join(EVIDENCE)}")


def contract(
    contract_id: str, /, *, title: str, evidence: Evidence, source: str, since: str = "1.0.0"
) -> Callable[[_Test], _Test]:
    """Declare that a test function checks the contract `contract_id`, which no other test may have.

    `since` is the first version of `bedrock-agentcore` that keeps it, if not every version does. A parametrised test is
    one contract, kept if all its cases pass. Raises `ValueError` for an unknown `evidence` or an
    empty text, so that the module cannot be collected.
    """
    mark = getattr(pytest.mark, MARK)(Contract(contract_id, title, evidence, source, since))
    return cast("Callable[[_Test], _Test]", mark)
