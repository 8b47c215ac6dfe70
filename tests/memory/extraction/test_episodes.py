from __future__ import annotations

from collections.abc import Callable

import pytest

from agentcore_emulator.memory.extraction import episodes
from agentcore_emulator.memory.extraction.messages import Message

Spoken = Callable[..., list[Message]]


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("Thanks!", True),
        ("Perfect, that worked.", True),
        ("That\u2019s all, bye", True),
        ("Never mind.", False),
        ("Forget it, this is useless", False),
        ("That doesn't work, thanks anyway", None),
        ("Thanks! And how do I undo it?", None),
        ("I like tea", None),
        ("Thank you for the explanation. " + "I have more to tell you. " * 20, None),
    ],
)
def test_some_words_close_an_episode(text: str, served: bool | None) -> None:
    assert episodes.closing(text) is served


def test_an_episode_is_over_when_the_user_closes_it(messages: Spoken) -> None:
    assert not episodes.over(messages("How do I reset it?", "A: Press the button."))
    assert episodes.over(messages("How do I reset it?", "A: Press the button.", "Thanks!"))
    assert episodes.over(messages("How do I reset it?", "A: Press the button.", "Thanks!", "A: You are welcome."))


def test_it_is_not_over_before_it_began(messages: Spoken) -> None:
    assert not episodes.over([])
    assert not episodes.over(messages("Thanks for helping me!"))


def test_it_is_over_when_it_is_long(messages: Spoken) -> None:
    assert not episodes.over(messages(*["Go on"] * (episodes.LONGEST - 1)))
    assert episodes.over(messages(*["Go on"] * episodes.LONGEST))
