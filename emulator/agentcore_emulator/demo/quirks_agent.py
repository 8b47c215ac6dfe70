"""An agent that runs into each of the five quirks, and next to it does the same in the way that works.

The payload names the quirk and which of the two: `{"quirk": "truncation", "remedied": true}`.
"""

import json
from typing import Any

from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

FACTS = {"city": "Zürich", "degrees": 21}
LONG = {"readings": list(range(700))}


def payload_type(payload: Any) -> Any:
    """Naively, a payload is a dict, and `get` takes a default."""
    return {"hello": payload.get("name", "you")}


def payload_type_remedied(payload: Any) -> Any:
    """`get` with one argument."""
    return {"hello": payload.get("name") or "you"}


def double_encoding(_: Any) -> Any:
    """Naively, an answer is a string of JSON."""
    return json.dumps(FACTS)


def double_encoding_remedied(_: Any) -> Any:
    """The object itself."""
    return FACTS


def stream_double_encoding(_: Any) -> Any:
    """Naively, an event is a string of JSON."""
    return (json.dumps(FACTS) for _ in range(1))


def stream_double_encoding_remedied(_: Any) -> Any:
    """The objects themselves."""
    return (FACTS for _ in range(1))


def truncation(_: Any) -> Any:
    """Naively, an answer may be of any length."""
    return LONG


def truncation_remedied(_: Any) -> Any:
    """A stream, which is never cut."""
    return (LONG for _ in range(1))


def generator(payload: Any) -> Any:
    """Naively, one function streams or returns as it is asked."""
    if payload.get("stream"):
        yield FACTS
    return FACTS


def generator_remedied(payload: Any) -> Any:
    """Two functions, and no yield in the one that chooses."""

    def stream() -> Any:
        yield FACTS

    return stream() if payload.get("stream") else FACTS


@app.entrypoint
def invoke(payload: Any) -> Any:
    """Do what the payload names."""
    name = payload.get("quirk").replace("-", "_")
    return globals()[name + ("_remedied" if payload.get("remedied") else "")](payload)


if __name__ == "__main__":
    app.run()
