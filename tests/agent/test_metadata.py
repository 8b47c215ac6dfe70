import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from metadata import WIRE_LIMIT, cut, fit, parse, tag, wire_size

keys = st.from_regex(re.compile(r"[a-z][a-z_]{0,15}", re.ASCII), fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# Surrogates included: a JSON payload can bring them, and a scripted answer may repeat them.
any_text = st.text(st.characters(), max_size=1500)
META: dict[str, str | int] = {"cache": "warm", "invocation_count": 12, "memory_source": "durable"}


@given(st.text(st.characters()), st.dictionaries(keys, values, min_size=1, max_size=8))
@example("as <<META:a=b>> said", {"key": "<<META:x=y>>,=%3C\n"})
@example("<<META:a=b>>", {"key": ""})
@example("ends in a bracket <", {"key": ">"})
def test_what_is_tagged_is_parsed(text: str, meta: dict[str, str]) -> None:
    assert parse(text + tag(meta)) == (text, meta)


@given(st.dictionaries(keys, values, min_size=1, max_size=8))
def test_a_tag_survives_being_encoded_over_and_over(meta: dict[str, str]) -> None:
    once = json.dumps("text" + tag(meta))
    assert parse(json.loads(json.loads(json.dumps(once)))) == ("text", meta)


@pytest.mark.parametrize(
    "answer", ["", "plain", "<<META:a=b>> and more", "<META:a=b>", "<<META:a<b>>", "<<META:a=b>>\n"]
)
def test_no_tag_at_the_end_is_no_metadata(answer: str) -> None:
    assert parse(answer) == (answer, {})


def test_numbers_become_text() -> None:
    assert parse("x" + tag({"count": 3, "init_ms": 1.5})) == ("x", {"count": "3", "init_ms": "1.5"})


@given(any_text, st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
@example("é" * 600, "")
@example("😀" * 300, "")
@example('"\\' * 400, "")
@example("\x00" * 200, "")
@example("a" * 1500, "😀" * 60)
def test_an_answer_fits_and_keeps_as_much_as_it_can(text: str, session_id: str) -> None:
    answer = fit(text, {**META, "session_id": session_id})
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= WIRE_LIMIT
    kept, meta = parse(answer)
    assert meta["session_id"] == session_id
    assert meta["memory_source"] == "durable"
    sent = text.encode("utf-8", "replace").decode()
    if "truncated" not in meta:
        assert kept == sent
        return
    assert sent.startswith(kept.removesuffix("…"))
    # One character more would not have fitted.
    following = sent[len(kept.removesuffix("…"))]
    assert wire_size(kept + following + tag(meta)) > WIRE_LIMIT or not kept


def test_a_text_that_just_fits_is_left_whole() -> None:
    room = WIRE_LIMIT - wire_size(tag(META))
    assert "truncated" not in fit("a" * room, META)
    assert parse(fit("a" * (room + 1), META))[1]["truncated"] == "yes"


def test_metadata_alone_may_not_be_too_much() -> None:
    with pytest.raises(ValueError, match="The metadata takes"):
        fit("text", {"key": "x" * 1100})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.integers(0, 300))
def test_cut_is_the_longest_start(text: str, size: int) -> None:
    kept = cut(text, size)
    assert wire_size(kept) - 2 <= size
    if kept != text:
        start = kept.removesuffix("…")
        assert text.startswith(start)
        assert wire_size(start + text[len(start)] + "…") - 2 > size
