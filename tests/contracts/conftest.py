"""Runs pytest within pytest, to see what the plugin makes of a run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# Not the plugins of this run, nor its settings: only what somebody has who has just installed the package.
_PLAIN = ("-p", "no:asyncio", "-p", "no:cacheprovider")

RunPytest = Callable[..., pytest.RunResult]


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunPytest:
    """`run_pytest(source, *options)` runs a test module of that source, in a folder of its own."""
    for name in ("AGENTCORE_RUNTIME_ARN", "AGENTCORE_MEMORY_ID"):
        monkeypatch.delenv(name, raising=False)

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_it="import pytest\nfrom agentcore_contracts import contract\n" + source)
        return pytester.runpytest_inprocess(*_PLAIN, *options)

    return run
