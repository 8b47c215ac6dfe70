"""Real Strands agents, with nothing changed but the endpoint."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from strands import Agent, tool
from strands.models import BedrockModel
from strands.types.exceptions import MaxTokensReachedException

from agentcore_emulator.models.rules import NO_RULE


@tool
def calculator(expression: str) -> str:
    """Calculate an arithmetic expression.

    Args:
        expression: What to calculate.
    """
    left, symbol, right = expression.split()
    numbers = float(left), float(right)
    result = {"+": numbers[0] + numbers[1], "*": numbers[0] * numbers[1]}[symbol]
    return f"{result:g}"


@pytest.fixture(params=[True, False], ids=["streaming", "not streaming"])
def model(request: pytest.FixtureRequest, session: boto3.Session, url: str) -> BedrockModel:
    return BedrockModel(boto_session=session, endpoint_url=url, streaming=request.param)


def text_of(result: Any) -> str:
    return str(result).strip()


def test_a_conversation_with_a_tool(model: BedrockModel) -> None:
    agent = Agent(model=model, tools=[calculator], callback_handler=None)
    assert text_of(agent("My name is Ada. What is 7 * 2?")) == "7 * 2 = 14."
    assert text_of(agent("and that plus 34?")) == "14 + 34 = 48."
    assert text_of(agent("Now multiply it by 2")) == "48 * 2 = 96."
    assert text_of(agent("What was the result?")) == "The last calculation was 48 * 2 = 96."
    assert text_of(agent("What is my name?")) == "Your name is Ada."
    used = [block["toolUse"] for message in agent.messages for block in message["content"] if "toolUse" in block]
    assert [use["input"] for use in used] == [{"expression": e} for e in ("7 * 2", "14 + 34", "48 * 2")]
    assert len({use["toolUseId"] for use in used}) == 3


def test_a_conversation_that_goes_on_in_another_agent(model: BedrockModel) -> None:
    first = Agent(model=model, tools=[calculator], callback_handler=None)
    first("What is 7 * 2?")
    texts = [m for m in first.messages if "text" in m["content"][0]]
    second = Agent(model=model, tools=[calculator], messages=texts, callback_handler=None)
    assert text_of(second("and that plus 34?")) == "14 + 34 = 48."
    stranger = Agent(model=model, tools=[calculator], callback_handler=None)
    assert text_of(stranger("What was the result?")) == "There has been no calculation in this conversation."


def test_a_tool_that_raises_is_reported(model: BedrockModel) -> None:
    agent = Agent(model=model, tools=[calculator], callback_handler=None)
    answer = text_of(agent("What is 7 - 2?"))
    assert answer.startswith("The calculator could not work out 7 - 2: Error: ")


def test_without_tools(model: BedrockModel) -> None:
    agent = Agent(model=model, callback_handler=None)
    assert "no calculator tool" in text_of(agent("What is 7 * 2?"))
    assert text_of(agent("Why is the sky blue?")) == NO_RULE


def test_usage_and_stop_reason_reach_the_agent(model: BedrockModel) -> None:
    result = Agent(model=model, callback_handler=None)("thanks")
    assert result.stop_reason == "end_turn"
    usage = result.metrics.accumulated_usage
    assert usage["outputTokens"] == 4
    assert usage["totalTokens"] == usage["inputTokens"] + 4


def test_max_tokens(session: boto3.Session, url: str) -> None:
    model = BedrockModel(boto_session=session, endpoint_url=url, max_tokens=2)
    with pytest.raises(MaxTokensReachedException):
        Agent(model=model, callback_handler=None)("thanks")


async def test_pieces_of_a_stream_are_the_answer(session: boto3.Session, url: str) -> None:
    agent = Agent(model=BedrockModel(boto_session=session, endpoint_url=url), callback_handler=None)
    pieces = [event["data"] async for event in agent.stream_async("Tell me a long story") if "data" in event]
    assert len(pieces) > 100
    text = agent.messages[-1]["content"][0]["text"]
    assert "".join(pieces) == text


def test_a_bearer_token_instead_of_a_signature(session: boto3.Session, url: str) -> None:
    model = BedrockModel(boto_session=session, endpoint_url=url, api_key="anything")
    assert text_of(Agent(model=model, callback_handler=None)("thanks")) == "You are welcome."
