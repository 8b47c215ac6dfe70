"""Contracts of Amazon Bedrock AgentCore: what it promises, as tests that run against the emulator or against AWS.

`pytest --pyargs agentcore_contracts` runs ours; `contract` marks your own.
"""

from agentcore_contracts.declaration import EVIDENCE, Contract, Evidence, contract

__all__ = ["EVIDENCE", "Contract", "Evidence", "contract"]
