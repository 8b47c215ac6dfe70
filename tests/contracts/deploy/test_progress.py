from __future__ import annotations

import pytest

from agentcore_contracts.deploy.progress import GivenUp, Progress


def test_it_waits_until_it_is_done(progress: Progress) -> None:
    answers = iter([False, False, True])
    progress.until("something", lambda: next(answers))
    assert list(answers) == []


def test_it_does_not_wait_for_ever(progress: Progress) -> None:
    with pytest.raises(GivenUp, match="something has taken more than 0 s; look into the AWS console"):
        progress.until("something", lambda: False, patience=0)
