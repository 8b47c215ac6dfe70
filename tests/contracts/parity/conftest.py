"""Exchanges without a target, and results without a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentcore_contracts.parity.results import Promise, Run


@pytest.fixture
def promise() -> Callable[..., Promise]:
    """Makes what became of one contract: kept, unless members say otherwise."""

    def make(contract_id: str, **members: Any) -> Promise:
        about = {"title": "It works", "evidence": "aws-docs", "source": "a page", "outcome": "passed", "seconds": 0.5}
        return Promise(**{"id": contract_id, "said": "", "recorded": False, "differences": [], **about, **members})

    return make


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Makes a run of some contracts, on an emulator unless members say otherwise."""

    def make(*contracts: Promise, **members: Any) -> Run:
        about = {"role": "emulator", "target": "an emulator", "region": "us-east-1", "date": "2026-11-24"}
        versions = {"agent's bedrock-agentcore": "1.25.0", "botocore": "1.44.5"}
        more = {"measured": True, "why_not": "", "versions": versions, "replayed": "", "unused": []}
        return Run(**{**about, **more, "contracts": list(contracts), **members})

    return make
