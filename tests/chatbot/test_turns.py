"""Turns run by themselves: listeners come and go, and nothing that was asked is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chatbot import turns as module
from chatbot.errors import EmptyMessage, ThreadBusy, TooBusy, UnknownMessage
from chatbot.events import Event, Failed, Html, Reply, Sources, Started, Token
from chatbot.store import leases
from chatbot.store.leases import LEASE
from chatbot.turns import KEPT_AFTER_END, Turns
from tests.chatbot.conftest import TESTER, UNANSWERABLE, Counter, MakeCounter
from tests.conftest import Clock


@pytest.fixture
async def turns(counter: Counter) -> AsyncIterator[Turns]:
    """Give turns over a conversation with one thread."""
    turns = Turns(counter.conversation, max_streams=2, metrics=counter.metrics)
    yield turns
    await turns.close()


@pytest.fixture
def gate(counter: Counter) -> asyncio.Event:
    """Hold the model after its first words until the gate is opened."""
    gate = asyncio.Event()
    counter.model.script = ["It ", "is ", gate, "4180. ", "[1]"]
    return gate


async def listen(
    turns: Turns, message_id: str, after: int = 0, limit: int | None = None
) -> list[tuple[int, Event]]:
    """Give events with their numbers, to the end or so many."""
    found: list[tuple[int, Event]] = []
    async for item in turns.listen(message_id, TESTER, after):
        found.append(item)
        if len(found) == limit:
            break
    return found


async def wait_until_idle(turns: Turns) -> None:
    """Wait for the end of all turns."""
    while turns._tasks:
        await asyncio.wait_for(asyncio.wait(set(turns._tasks)), 5)


def read_text(events: list[tuple[int, Event]]) -> str:
    """Give the text of the tokens."""
    return "".join(event.text for _, event in events if isinstance(event, Token))


async def test_turn_runs_without_any_listener(turns: Turns, counter: Counter) -> None:
    """Nobody has to listen: the answer is written and stored."""
    await turns.start(counter.ask())
    await wait_until_idle(turns)
    assert counter.list_statuses() == ["complete"]


async def test_listener_leaves_and_comes_back(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """Who comes back with the number of the last event seen gets the rest, and nothing twice."""
    turn = await turns.start(counter.ask())
    seen = await listen(turns, turn.message_id, limit=4)
    assert [type(event) for _, event in seen[:3]] == [Started, Sources, Token]
    assert [number for number, _ in seen] == [1, 2, 3, 4]
    gate.set()
    rest = await listen(turns, turn.message_id, after=seen[-1][0])
    assert [number for number, _ in rest] == sorted({number for number, _ in rest})
    assert rest[0][0] > seen[-1][0]
    reply = rest[-1][1]
    assert isinstance(reply, Reply)
    assert read_text(seen) + read_text(rest) == reply.answer == "It is 4180. [1]"


async def test_many_listeners_hear_the_same(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """Listeners before, during and after a turn hear the same text and the same end."""
    turn = await turns.start(counter.ask())
    early = [asyncio.create_task(listen(turns, turn.message_id)) for _ in range(3)]
    await listen(turns, turn.message_id, limit=3)
    gate.set()
    heard = [*await asyncio.gather(*early), await listen(turns, turn.message_id)]
    assert {read_text(events) for events in heard} == {"It is 4180. [1]"}
    assert len({events[-1] for events in heard}) == 1


async def test_rendered_states_are_replaced(
    turns: Turns, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rendered states only the last is kept; the numbers of all other events stay as they were."""
    monkeypatch.setattr("chatbot.live_html.LEAST_INTERVAL_S", 0)
    turn = await turns.start(counter.ask())
    live = await listen(turns, turn.message_id)
    again = await listen(turns, turn.message_id)
    assert [type(event) for _, event in again].count(Html) == 1
    assert [item for item in live if not isinstance(item[1], Html)] == [
        item for item in again if not isinstance(item[1], Html)
    ]
    assert again[-2] == live[-2]
    assert isinstance(again[-2][1], Html)


async def test_nothing_comes_after_the_end(turns: Turns, counter: Counter) -> None:
    """Who has seen the end, or claims to have seen more, hears nothing; a number below 0 is the beginning."""
    turn = await turns.start(counter.ask())
    events = await listen(turns, turn.message_id)
    for after in (events[-1][0], events[-1][0] + 100):
        assert await listen(turns, turn.message_id, after) == []
    assert await listen(turns, turn.message_id, -5) == await listen(turns, turn.message_id)


async def test_only_the_tester_listens(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """Another tester's turn, and one that is not there, are unknown."""
    turn = await turns.start(counter.ask())
    for message_id, tester in (
        (turn.message_id, "beta-2"),
        ("nobody", TESTER),
        (turn.user_message_id, TESTER),
    ):
        with pytest.raises(UnknownMessage):
            await anext(turns.listen(message_id, tester))
    assert turns.stop(turn.message_id, "beta-2") is False
    gate.set()


async def test_stop_keeps_what_was_written(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """A stopped turn ends at once with what it has; once it is over there is nothing to stop."""
    turn = await turns.start(counter.ask())
    await listen(turns, turn.message_id, limit=4)
    assert turns.stop(turn.message_id, TESTER) is True
    reply = (await asyncio.wait_for(listen(turns, turn.message_id), 5))[-1][1]
    assert isinstance(reply, Reply)
    assert reply.status == "stopped"
    assert reply.answer.startswith("It ")
    assert counter.list_messages()[1].content == reply.answer
    assert turns.stop(turn.message_id, TESTER) is False
    assert turns.stop("nobody", TESTER) is False


async def test_running_turn_of_a_thread_is_found(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """A thread's turn is found while it runs."""
    assert turns.find_running("t1") is None
    turn = await turns.start(counter.ask())
    assert turns.find_running("t1") == turn
    gate.set()
    await wait_until_idle(turns)
    assert turns.find_running("t1") is None


async def test_busy_thread_is_refused(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """A thread is answered one question at a time, and is free at the moment its reply is heard."""
    turn = await turns.start(counter.ask())
    with pytest.raises(ThreadBusy):
        await turns.start(counter.ask())
    gate.set()
    async for _, event in turns.listen(turn.message_id, TESTER):
        if isinstance(event, Reply):
            await turns.start(counter.ask(UNANSWERABLE))
    await wait_until_idle(turns)
    assert counter.list_statuses() == ["complete", "refused"]


async def test_full_house_refuses(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """As many answers are written as may be; a place is free again at an answer's end."""
    for name in ("t2", "t3"):
        counter.add_thread(name)
    await turns.start(counter.ask(idempotency_key="k"))
    await turns.start(counter.ask(thread="t2"))
    with pytest.raises(TooBusy) as refused:
        await turns.start(counter.ask(thread="t3"))
    assert refused.value.retry_after_s > 0
    assert counter.list_messages("t3") == []
    assert (await turns.start(counter.ask(idempotency_key="k"))).is_repeat
    gate.set()
    await wait_until_idle(turns)
    await turns.start(counter.ask(thread="t3"))


async def test_refused_questions_take_no_place(turns: Turns, counter: Counter) -> None:
    """However many questions are refused, or repeated, the places stay free."""
    for _ in range(5):
        with pytest.raises(EmptyMessage):
            await turns.start(counter.ask(""))
    for _ in range(5):
        await turns.start(counter.ask(idempotency_key="k"))
    await wait_until_idle(turns)
    assert turns._active == 0
    assert len(counter.list_messages()) == 2


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 20])
async def test_caller_who_leaves_leaves_no_thread_stuck(turns: Turns, counter: Counter, steps: int) -> None:
    """A caller who is cancelled between asking and the first event leaves a question with its answer, or nothing."""
    call = asyncio.create_task(turns.start(counter.ask()))
    for _ in range(steps):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await wait_until_idle(turns)
    assert turns._active == 0
    assert counter.store.read(leases.find_lease, "t1") is None
    assert [message.origin for message in counter.list_messages()] in ([], ["user", "bot"])


async def test_caller_who_leaves_a_refused_question_leaves_no_noise(
    turns: Turns, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that nobody waits for any more is not reported as one that was forgotten."""
    call = asyncio.create_task(turns.start(counter.ask(thread="nobodys")))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await wait_until_idle(turns)
    assert "never retrieved" not in caplog.text


async def test_close_interrupts_what_runs(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """At the end of the service a turn keeps what it has as interrupted, and its listeners are told why."""
    turn = await turns.start(counter.ask())
    await listen(turns, turn.message_id, limit=4)
    await asyncio.wait_for(turns.close(), 5)
    failed = (await listen(turns, turn.message_id))[-1][1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.origin) == ("interrupted", "service")
    row = counter.list_messages()[1]
    assert (row.status, row.error_origin, row.error_code) == ("interrupted", "service", "interrupted")
    assert row.content == failed.text
    assert row.content.startswith("It ")
    assert counter.store.read(leases.find_lease, "t1") is None


async def test_events_are_kept_for_a_while(
    turns: Turns, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events of a turn are kept until five minutes after its end, and then forgotten."""
    assert timedelta(minutes=5) == KEPT_AFTER_END
    later: list[tuple[float, Any]] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def note(delay: float, *call: Any, **options: Any) -> asyncio.TimerHandle:
        later.append((delay, call))
        return call_later(delay, *call, **options)

    monkeypatch.setattr(loop, "call_later", note)
    turn = await turns.start(counter.ask())
    await wait_until_idle(turns)
    monkeypatch.undo()
    await listen(turns, turn.message_id)
    [(forget, *values)] = [call for delay, call in later if delay == 300]
    forget(*values)
    with pytest.raises(UnknownMessage):
        await listen(turns, turn.message_id)


async def test_turn_that_breaks_down_is_over(
    turns: Turns, counter: Counter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happens to a turn, its listeners hear an end and its place is free."""

    async def break_down(*_: object) -> AsyncIterator[Event]:
        raise RuntimeError("broken")
        yield

    monkeypatch.setattr(counter.conversation, "run_turn", break_down)
    turn = await turns.start(counter.ask())
    [(_, failed)] = await listen(turns, turn.message_id)
    await wait_until_idle(turns)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.origin) == ("internal_error", "service")
    assert turns._active == 0
    assert "RuntimeError: broken" in caplog.text


async def test_leases_of_running_turns_are_kept(
    turns: Turns, counter: Counter, gate: asyncio.Event, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that runs is kept, however long it takes; a lease that nobody answers runs out though others run."""
    monkeypatch.setattr(module, "RENEWAL_S", 0.01)
    counter.add_thread("t2")
    await turns.start(counter.ask())
    await counter.conversation.open_turn(counter.ask(thread="t2"))
    for _ in range(3):
        clock.now += LEASE / 2
        await asyncio.sleep(0.1)
    assert counter.store.write(leases.recover_turns, clock(), thread_id="t1") == []
    assert len(counter.store.write(leases.recover_turns, clock(), thread_id="t2")) == 1
    gate.set()
    await wait_until_idle(turns)
    assert counter.list_statuses() == ["complete"]


async def test_repeat_gives_the_turn_it_repeats(turns: Turns, counter: Counter, gate: asyncio.Event) -> None:
    """A question under a known key joins its turn, while it runs and afterwards."""
    question = counter.ask(idempotency_key="k")
    first = await turns.start(question)
    joined = await turns.start(question)
    gate.set()
    await wait_until_idle(turns)
    later = await turns.start(question)
    assert joined.message_id == later.message_id == first.message_id
    assert len(counter.model.prompts) == 1


async def test_many_turns_run_at_the_same_time(make_counter: MakeCounter) -> None:
    """Fifty threads are answered at once over the writer thread, each with its own text."""
    counter = make_counter(rate_limit="1000/minute")
    counter.store.start_writer()
    turns = Turns(counter.conversation, max_streams=50, metrics=counter.metrics)
    names = [counter.add_thread(f"t{number}") for number in range(50)]
    opened = await asyncio.gather(*(turns.start(counter.ask(thread=name)) for name in names))
    assert len({turn.message_id for turn in opened}) == 50
    await wait_until_idle(turns)
    assert {tuple(counter.list_statuses(name)) for name in names} == {("complete",)}
    await turns.close()


async def test_events_of_a_moment_come_together(counter: Counter, turns: Turns) -> None:
    """A listener who pauses gets what was written meanwhile at once, and misses nothing of it."""
    turn = await turns.start(counter.ask())
    batches: list[list[tuple[int, Event]]] = []

    async def pause() -> None:
        await wait_until_idle(turns)

    async for batch in turns.listen_together(turn.message_id, TESTER, pause=pause):
        batches.append(batch)
    together = [numbered for batch in batches for numbered in batch]
    assert len(batches) < len(together)
    numbers = [number for number, _ in together]
    assert numbers == sorted(set(numbers))
    assert isinstance(together[-1][1], Reply)
    assert read_text(together) == read_text(await listen(turns, turn.message_id))
