from durable_memory import Role, Utterance
from hypothesis import given
from hypothesis import strategies as st
from strands.types.content import Message
from two_tier_memory import HISTORY_TURNS, messages, spoken, whole_turns


def said(*texts: str) -> list[Utterance]:
    """'U: hello' and the like as utterances."""
    roles: dict[str, Role] = {"U": "USER", "A": "ASSISTANT", "T": "TOOL"}
    return [Utterance(roles[text[0]], text[3:]) for text in texts]


def test_whole_turns_stay_as_they_are() -> None:
    turns = said("U: 14 * 3?", "A: 42", "U: plus 34?", "A: 76")
    assert whole_turns(turns) == turns


def test_text_around_a_tool_call_is_one_answer() -> None:
    assert whole_turns(said("U: 14 * 3?", "A: Let me see.", "T: 42", "A: 42.")) == said(
        "U: 14 * 3?", "A: Let me see.\n42."
    )


def test_a_question_without_an_answer_is_dropped() -> None:
    assert whole_turns(said("U: lost", "U: 1 + 1?", "T: 2", "A: 2", "U: cut off")) == said("U: 1 + 1?", "A: 2")


def test_an_answer_without_its_question_is_dropped() -> None:
    assert whole_turns(said("T: 1", "A: old", "U: new", "A: yes")) == said("U: new", "A: yes")


@given(
    st.lists(st.tuples(st.sampled_from(["USER", "ASSISTANT", "TOOL"]), st.text(min_size=1, max_size=3)), max_size=120)
)
def test_the_result_is_what_a_model_accepts(heard: list[tuple[Role, str]]) -> None:
    turns = whole_turns(Utterance(role, text) for role, text in heard)
    assert [turn.role for turn in turns] == ["USER", "ASSISTANT"] * (len(turns) // 2)
    assert len(turns) <= 2 * HISTORY_TURNS
    assert whole_turns(turns) == turns


def test_only_the_newest_turns_are_kept() -> None:
    turns = [turn for number in range(30) for turn in said(f"U: {number}", f"A: {number}")]
    assert whole_turns(turns) == turns[-2 * HISTORY_TURNS :]


def test_messages_become_utterances() -> None:
    question: Message = {"role": "user", "content": [{"text": "14 * 3?"}]}
    call: Message = {
        "role": "assistant",
        "content": [{"toolUse": {"toolUseId": "1", "name": "calculator", "input": {"expression": "14 * 3"}}}],
    }
    result: Message = {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "1", "status": "success", "content": [{"text": "42"}]}}],
    }
    answer: Message = {"role": "assistant", "content": [{"text": "14 * 3 "}, {"text": "= 42"}]}
    heard = [utterance for message in (question, call, result, answer) for utterance in spoken(message)]
    assert heard == said("U: 14 * 3?", "T: 42", "A: 14 * 3 = 42")
    assert messages(whole_turns(heard)) == [
        {"role": "user", "content": [{"text": "14 * 3?"}]},
        {"role": "assistant", "content": [{"text": "14 * 3 = 42"}]},
    ]
