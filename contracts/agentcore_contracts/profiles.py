"""How many examples Hypothesis gives a contract of AgentCore itself, by the run's profile and target."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

__all__ = ["load", "of_histories"]

# A session on AWS starts within seconds and every call costs, so few; and the quick profile is to take a minute.
_EXAMPLES = {"quick": 10, "full": 50}
_EXAMPLES_ON_AWS = 5

# A recording is read by people too, and holds every exchange.
_EXAMPLES_TO_COMPARE = 3

# Of sessions and memories a history has this many steps, and there are fewer of them than of other examples.
_STEPS = 12
_EXAMPLES_PER_HISTORY = 2


def load(config: pytest.Config) -> None:
    """Make the profile that the run's options ask for the one of all tests that are collected from now on.

    Examples are the same in every run: what a contract has found is to be found again, here and on another target.
    """
    profile: str = config.getoption("agentcore_profile")
    examples = _EXAMPLES_ON_AWS if config.getoption("agentcore_target") == "aws" else _EXAMPLES[profile]
    compared = bool(config.getoption("agentcore_record") or config.getoption("agentcore_replay"))
    settings.register_profile(
        "agentcore",
        max_examples=_EXAMPLES_TO_COMPARE if compared else examples,
        # What is tried to make a failing example smaller is nothing to compare.
        phases=[phase for phase in Phase if not compared or phase in (Phase.explicit, Phase.generate)],
        deadline=None,
        derandomize=True,
        # A call of an agent takes what it takes, and a test's session is the same for all its examples.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("agentcore")
    if compared:
        _leave_out_local_constants()


def _leave_out_local_constants() -> None:
    """Keep Hypothesis from drawing constants that it finds in the source of whatever local modules are imported.

    Other modules are imported where AWS is called than where an emulator is, and a recording is to outlive changes of
    the code. No setting does that. Raises `AttributeError` if another version of Hypothesis does it another way.
    """
    getattr(HypothesisProvider, "_local_constants")  # noqa: B009 - that it is there is what counts
    setattr(HypothesisProvider, "_local_constants", Constants())  # noqa: B010 - a property that has no setter


def of_histories() -> settings:
    """The settings of a stateful machine, under the profile that was loaded."""
    return settings(max_examples=max(1, settings().max_examples // _EXAMPLES_PER_HISTORY), stateful_step_count=_STEPS)
