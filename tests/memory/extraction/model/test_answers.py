from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure
from agentcore_emulator.memory.extraction.model import answers


@pytest.mark.parametrize(
    "answer",
    [
        '[{"fact": "a"}]',
        '  [{"fact": "a"}]\n',
        'Here you are:\n```json\n[{"fact": "a"}]\n```\nAnything else?',
        '```\n[{"fact": "a"}]```',
        'The facts are [{"fact": "a"}], I think.',
    ],
)
def test_a_list_is_found_in_what_a_model_says(answer: str) -> None:
    assert answers.objects(answer) == [{"fact": "a"}]


@pytest.mark.parametrize(
    "answer", ["", "I cannot do that.", "[1]", '{"fact": "a"}', "[{", "[" * 100_000, "null", "```json\n```"]
)
def test_an_answer_without_one_is_a_failure_that_shows_it(answer: str) -> None:
    with pytest.raises(ExtractionFailure, match="a list of objects in JSON, and said: '"):
        answers.objects(answer)


def test_there_are_not_more_objects_than_anybody_needs() -> None:
    assert len(answers.objects(json.dumps([{}] * 1_000))) == 100


def test_an_object_is_found() -> None:
    assert answers.single('So: {"title": "a"}') == {"title": "a"}
    with pytest.raises(ExtractionFailure, match="an object"):
        answers.single("[]")


def test_a_text_is_fit_for_a_record() -> None:
    assert answers.text({"a": " b\x00\ud83d "}, "a") == "b"
    assert answers.text({"a": "bcd"}, "a", 2) == "bc"
    for value in ({}, {"a": 1}, {"a": None}, {"a": ["b"]}):
        assert answers.text(value, "a") == ""


def entry(kind: str, **validation: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"definition": "d"}
    if validation:
        config["validation"] = {"validation": validation}
    return {"key": "k", "type": kind, "extractionConfig": {"llmExtractionConfig": config}}


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        (entry("STRING"), "a", {"stringValue": "a"}),
        (entry("STRING"), "a" * 300, {"stringValue": "a" * 256}),
        (entry("STRING", allowedValues=["a"]), "a", {"stringValue": "a"}),
        (entry("STRING", allowedValues=["a"]), "b", None),
        (entry("STRING"), 1, None),
        (entry("STRING"), "", None),
        (entry("NUMBER"), 1, {"numberValue": 1.0}),
        (entry("NUMBER"), True, None),
        (entry("NUMBER"), "1", None),
        (entry("NUMBER", minValue=2.0), 1, None),
        (entry("NUMBER", maxValue=2.0), 3, None),
        (entry("STRINGLIST"), ["a", 1, "b" * 100, ""], {"stringListValue": ["a", "b" * 64]}),
        (entry("STRINGLIST"), list("abcdefg"), {"stringListValue": list("abcde")}),
        (entry("STRINGLIST", maxItems=1), ["a", "b"], {"stringListValue": ["a"]}),
        (entry("STRINGLIST", allowedValues=["b"]), ["a", "b"], {"stringListValue": ["b"]}),
        (entry("STRINGLIST"), [], None),
        (entry("STRINGLIST"), "a", None),
    ],
)
def test_metadata_is_what_its_schema_allows(schema: dict[str, Any], value: Any, found: Any) -> None:
    assert answers.metadata({"metadata": {"k": value}}, [schema]) == ({} if found is None else {"k": found})


@pytest.mark.parametrize("value", [{}, {"metadata": None}, {"metadata": []}, {"metadata": {"other": "a"}}])
def test_what_is_not_there_is_left_out(value: dict[str, Any]) -> None:
    assert answers.metadata(value, [entry("STRING")]) == {}


@given(st.text())
def test_no_answer_breaks_anything(answer: str) -> None:
    for read in (answers.objects, answers.single):
        try:
            read(answer)
        except ExtractionFailure as failure:
            str(failure).encode()
