"""Reading what a model answers: whatever it says, the outcome is what was asked for or an `ExtractionFailure`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure
from agentcore_emulator.memory.extraction.messages import clean

__all__ = ["metadata", "objects", "single", "text"]

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_MOST: Final = 100
# botocore model, `MemoryRecordMetadataValue`.
_LONGEST_STRING: Final = 256
_LONGEST_ITEM: Final = 64
_MOST_ITEMS: Final = 5


def objects(answer: str) -> list[dict[str, Any]]:
    """The objects of a list. Raises `ExtractionFailure` for an answer that is no list of objects."""
    value = _parsed(answer)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _unusable(answer, "a list of objects")
    return value[:_MOST]


def single(answer: str) -> dict[str, Any]:
    """The object. Raises `ExtractionFailure` for an answer that is none."""
    value = _parsed(answer)
    if not isinstance(value, dict):
        raise _unusable(answer, "an object")
    return value


def text(value: Mapping[str, Any], name: str, most: int = 4_000) -> str:
    """The text of that name, fit for a record; empty if there is none."""
    found = value.get(name)
    return clean(found).strip()[:most] if isinstance(found, str) else ""


def metadata(value: Mapping[str, Any], inferred: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The `MemoryRecordMetadataValue`s that an object gives for these entries of a schema, as far as they are valid."""
    given = value.get("metadata")
    if not isinstance(given, Mapping):
        return {}
    found = {entry["key"]: _value(entry, given.get(entry["key"])) for entry in inferred}
    return {key: one for key, one in found.items() if one is not None}


def _value(entry: Mapping[str, Any], value: Any) -> dict[str, Any] | None:
    config = entry.get("extractionConfig", {}).get("llmExtractionConfig", {})
    limits: Mapping[str, Any] = next(iter(config.get("validation", {}).values()), {})
    match entry.get("type", "STRING"), value:
        case "NUMBER", int() | float() if not isinstance(value, bool) and math.isfinite(value):
            if limits.get("minValue", -math.inf) <= value <= limits.get("maxValue", math.inf):
                return {"numberValue": float(value)}
        case "STRINGLIST", list():
            items = [clean(one)[:_LONGEST_ITEM] for one in value if isinstance(one, str) and _allowed(one, limits)]
            if kept := [one for one in items if one][: limits.get("maxItems", _MOST_ITEMS)]:
                return {"stringListValue": kept}
        case "STRING", str() if clean(value) and _allowed(value, limits):
            return {"stringValue": clean(value)[:_LONGEST_STRING]}
    return None


def _allowed(value: str, limits: Mapping[str, Any]) -> bool:
    return value in limits.get("allowedValues", [value])


def _parsed(answer: str) -> Any:
    """The JSON in an answer, which may have a fence around it or words before and after."""
    fenced = _FENCE.search(answer)
    candidates = [fenced[1]] if fenced else [answer]
    starts = [place for mark in "[{" if (place := answer.find(mark)) >= 0]
    if starts:
        candidates.append(answer[min(starts) :])
    for candidate in candidates:
        try:
            return json.JSONDecoder().raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):
            continue
    return None


def _unusable(answer: str, wanted: str) -> ExtractionFailure:
    shown = " ".join(clean(answer).split())[:300]
    return ExtractionFailure(f"The model was to answer with {wanted} in JSON, and said: {shown!r}")
