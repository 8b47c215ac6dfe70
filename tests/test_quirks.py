import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.quirks import LEVELS, NAMES, Quirks


def test_every_quirk_warns_by_default() -> None:
    assert dict(Quirks()) == dict.fromkeys(NAMES, "warn")


@pytest.mark.parametrize("level", LEVELS)
def test_one_level_holds_for_all(level: str) -> None:
    assert set(Quirks.parse(level).values()) == {level}


def test_a_name_goes_before_the_level_for_all() -> None:
    quirks = Quirks.parse("strict, truncation = off")
    assert quirks["truncation"] == "off"
    assert {quirks[name] for name in NAMES if name != "truncation"} == {"strict"}


def test_names_alone_leave_the_others_at_warn() -> None:
    quirks = Quirks.parse("generator=strict,payload-type=off")
    assert dict(quirks) == {**dict.fromkeys(NAMES, "warn"), "generator": "strict", "payload-type": "off"}


@given(st.fixed_dictionaries({name: st.sampled_from(LEVELS) for name in NAMES}))
def test_text_reads_back_to_an_equal_value(levels: dict[str, str]) -> None:
    quirks = Quirks.parse(",".join(f"{name}={level}" for name, level in levels.items()))
    assert dict(quirks) == levels
    assert Quirks.parse(str(quirks)) == quirks
    assert hash(Quirks.parse(str(quirks))) == hash(quirks)


def test_text_is_short() -> None:
    assert str(Quirks()) == "warn"
    assert str(Quirks.parse("truncation=strict")) == "warn,truncation=strict"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("loud", "'loud' is not a level of a quirk; the levels are strict, warn, off"),
        ("", "'' is not a level of a quirk; the levels are strict, warn, off"),
        ("trunkation=off", "there is no quirk 'trunkation'; did you mean 'truncation'?"),
        ("x=off", f"there is no quirk 'x'; the quirks are {', '.join(NAMES)}"),
        ("truncation=", "'' is not a level of a quirk; the levels are strict, warn, off"),
        ("truncation=off,strict", "'strict' is not of the form name=level; only the first item may be a level alone"),
        ("truncation=off,truncation=warn", "the quirk 'truncation' is given twice"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Quirks.parse(text)
