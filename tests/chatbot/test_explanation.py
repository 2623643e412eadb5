"""An answer's row explains it: parameters, calls, cost, and the limits that the turn met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import ProviderTimeout
from chatbot.store.records import Message
from chatbot.streaming import StopSignal
from tests.chatbot.conftest import ANSWERABLE, UNANSWERABLE, Counter, MakeCounter


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Give a table with the price of the scripted model."""
    path = tmp_path / "prices.yaml"
    path.write_text('"scripted:any":\n  prompt: 1\n  completion: 10\n', encoding="utf-8")
    return path


async def answer(counter: Counter, text: str = ANSWERABLE) -> Message:
    """Ask, and give the answer's row."""
    turn = await counter.conversation.open_turn(counter.ask(text))
    async for _ in counter.conversation.run_turn(turn, StopSignal()):
        pass
    return counter.list_messages()[-1]


def build(make_counter: MakeCounter, script: list[Any] | None = None, **overrides: Any) -> Counter:
    """Give a conversation with one thread."""
    counter = make_counter(script, **overrides)
    counter.add_thread()
    return counter


async def test_answer_tells_calls_cost_and_parameters(make_counter: MakeCounter, prices: Path) -> None:
    """A priced model's answer has its cost by the provider's own tokens, and what it was made with."""
    message = await answer(build(make_counter, prices_file=prices))
    assert (message.model_calls, message.retries, message.limits_hit) == (1, 0, None)
    assert message.cost_usd == pytest.approx((100 * 1 + 7 * 10) / 1e6)
    parameters = json.loads(message.parameters or "")
    assert parameters["passages"] >= 1
    assert parameters["timeout_s"] == 30


async def test_follow_up_tells_what_was_searched_for_and_costs_both_calls(
    make_counter: MakeCounter, prices: Path
) -> None:
    """The rewriting is a call of its own: counted, priced, and its question kept."""
    counter = build(make_counter, ["What is the default temperature of the water?"], prices_file=prices)
    first = await answer(counter)
    assert first.searched_for is None
    second = await answer(counter, "and in Fahrenheit?")
    assert second.model_calls == 2
    assert second.searched_for == "What is the default temperature of the water?"
    assert second.cost_usd == pytest.approx(2 * (100 * 1 + 7 * 10) / 1e6)


async def test_unknown_price_is_null_and_no_call_costs_nothing(
    make_counter: MakeCounter, tmp_path: Path
) -> None:
    """Null says that no price is known; a refusal that asked no model cost 0."""
    counter = build(make_counter, prices_file=tmp_path / "none.yaml")
    assert (await answer(counter)).cost_usd is None
    refused = await answer(counter, UNANSWERABLE)
    assert (refused.status, refused.model_calls, refused.cost_usd) == ("refused", 0, 0.0)


async def test_limits_are_named(make_counter: MakeCounter) -> None:
    """A turn that uses up its session, or is cut off by time, says which limit it was."""
    last = await answer(build(make_counter, max_messages=1))
    assert last.limits_hit == "session_messages"
    counter = make_counter([ProviderTimeout("No progress.")])
    counter.add_thread("t2")
    turn = await counter.conversation.open_turn(counter.ask(ANSWERABLE, thread="t2"))
    async for _ in counter.conversation.run_turn(turn, StopSignal()):
        pass
    slow = counter.list_messages("t2")[-1]
    assert (slow.status, slow.limits_hit, slow.error_origin) == ("failed", "model_time", "provider")
