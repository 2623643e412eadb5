"""One turn: rules, passages, prompt, model, store; whatever happens, the row tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from chatbot.answer import REFUSALS, build_reply, nearest_of
from chatbot.assistants.catalogue import Assistants
from chatbot.errors import (
    EmptyMessage,
    IdempotencyMismatch,
    MessageTooLong,
    ProviderError,
    RateLimited,
    SessionExpired,
    SessionFull,
    ThreadBusy,
    UnknownAssistant,
    UnknownThread,
)
from chatbot.events import Event, Failed, Html, Reply, Sources, Started, Token
from chatbot.settings import Settings
from chatbot.store import leases
from chatbot.store.engine import Store
from chatbot.store.leases import Lease
from chatbot.store.records import PassageUsed
from chatbot.streaming import StopSignal
from chatbot.telemetry import bind_trace
from tests.chatbot.conftest import ANSWERABLE, UNANSWERABLE, Counter, MakeCounter
from tests.conftest import Clock


async def run(
    counter: Counter, text: str = ANSWERABLE, signal: StopSignal | None = None, **values: Any
) -> list[Event]:
    """Ask, and give all events."""
    turn = await counter.conversation.open_turn(counter.ask(text, **values))
    return [event async for event in counter.conversation.run_turn(turn, signal or StopSignal())]


def read_kinds(events: list[Event]) -> list[type]:
    """Give the classes of events, runs of the same one as one."""
    kinds: list[type] = []
    for event in events:
        if kinds[-1:] != [type(event)]:
            kinds.append(type(event))
    return kinds


# Opening


async def test_question_is_durable_before_the_model_is_called(make_counter: MakeCounter) -> None:
    """When the model is called the question can be read, and the thread is reserved."""
    seen: list[Any] = []
    counter = make_counter()
    counter.model.script = [lambda: seen.extend(counter.list_messages()), "It is 4180. [1]"]
    counter.add_thread()
    with bind_trace("trace-1"):
        events = await run(counter)
    assert isinstance(events[0], Started)
    [question] = seen
    assert (question.message_id, question.content) == (events[0].user_message_id, ANSWERABLE)
    assert (question.position, question.origin, question.trace_id) == (0, "user", "trace-1")


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\ufeff", "\x00", "\ud800", "\u3164"])
async def test_empty_message_is_refused(counter: Counter, text: str) -> None:
    """Nothing visible is no question; nothing is written."""
    with pytest.raises(EmptyMessage):
        await run(counter, text)
    assert counter.list_messages() == []


async def test_length_is_that_of_the_cleaned_text(make_counter: MakeCounter) -> None:
    """Lengths count characters after NFC, without NUL and lone surrogates."""
    counter = make_counter(max_message_characters=10)
    counter.add_thread()
    await run(counter, "e\u0301" * 10 + "\x00\ud800")
    assert counter.list_messages()[0].content == "é" * 10
    with pytest.raises(MessageTooLong) as refused:
        await run(counter, "é" * 11)
    assert (refused.value.length, refused.value.limit) == (11, 10)


async def test_anothers_thread_is_unknown(counter: Counter) -> None:
    """A question in a thread of somebody else, or of none, is refused."""
    counter.add_thread("t2", tester="beta-2")
    for thread in ("t2", "t3"):
        with pytest.raises(UnknownThread):
            await run(counter, thread=thread)


async def test_thread_of_an_assistant_that_has_gone_is_refused(counter: Counter) -> None:
    """An assistant whose file was taken away answers no more, and the question is not kept."""
    counter.add_thread("t2", assistant="gone")
    with pytest.raises(UnknownAssistant):
        await run(counter, thread="t2")
    assert counter.list_messages("t2") == []


async def test_busy_thread_is_refused(counter: Counter) -> None:
    """While a turn is open its thread takes no other, and nothing of the second is written."""
    await counter.conversation.open_turn(counter.ask())
    with pytest.raises(ThreadBusy):
        await run(counter)
    assert len(counter.list_messages()) == 1


async def test_questions_at_the_same_time_open_one_turn(counter: Counter) -> None:
    """Of several at once in one thread one is taken."""
    results = await asyncio.gather(
        *(counter.conversation.open_turn(counter.ask()) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ThreadBusy"] * 4 + ["Turn"]


async def test_session_rules_hold(make_counter: MakeCounter, clock: Clock) -> None:
    """Time and number of messages end a session; nothing more is written then."""
    counter = make_counter(max_messages=2, max_session_duration=60)
    counter.add_thread()
    await run(counter)
    clock.advance(seconds=60)
    with pytest.raises(SessionExpired):
        await run(counter)
    clock.advance(seconds=-1)
    await run(counter)
    with pytest.raises(SessionFull):
        await run(counter)
    assert len(counter.list_messages()) == 4


async def test_rate_is_per_tester(make_counter: MakeCounter) -> None:
    """Too many questions in a minute are refused."""
    counter = make_counter(rate_limit="1/minute")
    counter.add_thread()
    await run(counter)
    with pytest.raises(RateLimited):
        await run(counter)


async def test_refused_question_counts_for_the_rate(make_counter: MakeCounter) -> None:
    """Who asks what is refused uses his rate up as well, and nothing else of the question is kept."""
    counter = make_counter(rate_limit="2/minute")
    for _ in range(2):
        with pytest.raises(UnknownThread):
            await counter.conversation.open_turn(counter.ask(thread="nobodys"))
    with pytest.raises(RateLimited):
        await counter.conversation.open_turn(counter.ask())
    assert counter.list_messages() == []


async def test_key_stands_for_one_turn(counter: Counter) -> None:
    """A question under a known key is a repeat of that turn; with another text it is refused."""
    first = await counter.conversation.open_turn(counter.ask(idempotency_key="k"))
    again = await counter.conversation.open_turn(counter.ask(idempotency_key="k"))
    assert not first.is_repeat
    assert (again.is_repeat, again.message_id) == (True, first.message_id)
    assert len(counter.list_messages()) == 1
    with pytest.raises(IdempotencyMismatch):
        await counter.conversation.open_turn(counter.ask("Another?", idempotency_key="k"))


async def test_turn_that_was_lost_is_recovered_by_the_next(counter: Counter, clock: Clock) -> None:
    """What a dead process left behind is an interrupted row before the next question."""
    counter.store.write(leases.take_lease, Lease("t1", "lost", "u", 0, "test:0", clock()))
    clock.advance(seconds=31)
    await run(counter)
    found = [(message.position, message.status) for message in counter.list_messages()]
    assert found == [(0, "interrupted"), (1, "complete"), (2, "complete")]


# Answering


async def test_answer_has_its_events_in_order(counter: Counter) -> None:
    """Start, the passages found, text with the HTML so far, and the reply."""
    counter.model.script = ["It is ", "4180. ", "[1]"]
    events = await run(counter)
    assert read_kinds([event for event in events if not isinstance(event, Html)]) == [
        Started,
        Sources,
        Token,
        Reply,
    ]
    assert isinstance(events[1], Sources)
    assert isinstance(events[-2], Html)
    reply = events[-1]
    assert isinstance(reply, Reply)
    assert (
        "".join(event.text for event in events if isinstance(event, Token))
        == reply.answer
        == "It is 4180. [1]"
    )
    assert events[-2].html == reply.answer_html
    assert [passage.number for passage in reply.passages] == [1]
    assert not any(passage.cited for passage in events[1].passages)


async def test_answer_is_durable_before_the_reply(counter: Counter) -> None:
    """When the reply comes the row is there, complete, and the thread is free."""
    turn = await counter.conversation.open_turn(counter.ask())
    async for event in counter.conversation.run_turn(turn, StopSignal()):
        row = counter.list_messages()[1:]
        assert bool(row) == isinstance(event, Reply)
    assert counter.store.read(leases.find_lease, "t1") is None
    with bind_trace("trace-2"):
        await run(counter)
    row = counter.list_messages()[3]
    assert (row.model, row.prompt_tokens, row.completion_tokens) == ("scripted:any", 100, 7)
    assert (row.assistant_version, row.trace_id, row.is_cut) == (1, "trace-2", False)
    assert row.index_version == counter.conversation.knowledge.index_version
    assert row.first_token_ms is not None
    assert row.total_ms is not None
    assert 0 <= row.first_token_ms <= row.total_ms


async def test_passages_are_kept_whole_where_cited(counter: Counter) -> None:
    """Retrieved and cited are kept apart; a passage that is not cited is kept as an excerpt."""
    events = await run(counter)
    sources = events[1]
    assert isinstance(sources, Sources)
    stored = counter.list_messages()[1].passages
    assert [passage.cited for passage in stored] == [True] + [False] * (len(stored) - 1)
    assert stored[0].snippet == sources.passages[0].snippet
    assert all(len(passage.snippet) <= 300 for passage in stored[1:])


async def test_unanswerable_question_is_refused_without_the_model(counter: Counter) -> None:
    """What the documents do not hold is refused, in the question's language, and costs nothing."""
    events = await run(counter, UNANSWERABLE)
    reply = events[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.answered, reply.answer) == ("refused", False, REFUSALS["en"])
    assert counter.model.prompts == []
    row = counter.list_messages()[1]
    assert (row.model, row.prompt_tokens, row.completion_tokens, row.first_token_ms) == (None, 0, 0, None)
    french = (await run(counter, "Qui a gagné le championnat de football de l'Uruguay ?"))[-1]
    assert isinstance(french, Reply)
    assert french.answer == REFUSALS["fr"]


async def test_models_refusal_without_words_gets_ours(counter: Counter) -> None:
    """A model that gives the marker alone refuses in our words; nothing is cited."""
    counter.model.script = ["[[NOT-IN-THE", "-DOCUMENTS]]"]
    reply = (await run(counter))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.answer, reply.passages) == ("refused", REFUSALS["en"], ())
    assert reply.nearest


async def test_cut_answer_is_marked(counter: Counter) -> None:
    """Finish `length` is complete and marked as cut, in the reply and in the row."""
    counter.model.finish_reason = "length"
    reply = (await run(counter))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.is_cut) == ("complete", True)
    assert counter.list_messages()[1].is_cut


async def test_tokens_are_guessed_where_the_model_reports_none(counter: Counter) -> None:
    """Without usage tokens are characters / 4 of what was sent and what came."""
    counter.model.usage = None
    await run(counter)
    row = counter.list_messages()[1]
    sent = sum(len(str(message.content)) for message in counter.model.prompts[0])
    assert row.completion_tokens == 4
    assert row.prompt_tokens is not None
    assert abs(row.prompt_tokens - sent / 4) <= 2


async def test_models_text_is_kept_without_what_no_store_takes(counter: Counter) -> None:
    """NUL and half a pair of surrogates are taken out; the rest of the answer stands."""
    counter.model.script = ["It is 41\x0080.\ud83d [1]"]
    reply = (await run(counter))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, counter.list_messages()[1].content) == ("complete", "It is 4180. [1]")


async def test_history_is_the_last_complete_turns(make_counter: MakeCounter) -> None:
    """The model sees the last three answered turns; refused, failed and stopped ones are left out."""
    counter = make_counter()
    counter.add_thread()
    for number in range(4):
        counter.model.script = [f"Answer {number}. [1]"]
        await run(counter, f"{ANSWERABLE}{'?' * number}")
    await run(counter, UNANSWERABLE)
    counter.model.script = [ValueError("broken")]
    await run(counter)
    counter.model.script = ["Last. [1]"]
    await run(counter)
    shown = [str(message.content).strip() for message in counter.model.prompts[-1]]
    assert shown[2:-1:2] == ["Answer 1.", "Answer 2.", "Answer 3."]
    assert ANSWERABLE in counter.model.prompts[-1][-1].content


async def test_providers_fault_keeps_what_had_come(counter: Counter) -> None:
    """A failed answer is a row with the text received, the code, and whose fault it was; the thread goes on."""
    counter.model.script = ["It is ", ProviderError("Torn.")]
    failed = (await run(counter))[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.origin, failed.message) == ("provider_error", "provider", "Torn.")
    assert failed.text == "It is "
    row = counter.list_messages()[1]
    assert (row.status, row.content) == ("failed", "It is ")
    assert (row.error_origin, row.error_code) == ("provider", "provider_error")
    assert row.passages
    counter.model.script = ["It is 4180. [1]"]
    assert isinstance((await run(counter))[-1], Reply)


async def test_fault_of_ours_is_not_the_providers(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw is the service's, told without its text, and its traceback is logged."""
    counter.model.script = ["It is ", ValueError("/secret")]
    failed = (await run(counter))[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.origin) == ("internal_error", "service")
    assert "/secret" not in failed.message
    assert counter.list_messages()[1].error_origin == "service"
    assert "ValueError: /secret" in caplog.text


async def test_answer_without_finish_reason_has_failed(counter: Counter) -> None:
    """A stream that only ends is no answer."""
    counter.model.finish_reason = ""
    failed = (await run(counter))[-1]
    assert isinstance(failed, Failed)
    assert failed.code == "provider_error"
    assert counter.list_messages()[1].content == "It is 4180. [1]"


async def test_stop_does_not_wait_for_the_model(counter: Counter) -> None:
    """A stop ends the turn at once, though the model says nothing more; what was written is kept as `stopped`."""
    signal = StopSignal()
    counter.model.script = ["It is ", signal.stop, asyncio.Event()]
    reply = (await asyncio.wait_for(run(counter, signal=signal), 5))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.answered, reply.answer) == ("stopped", False, "It is ")
    assert counter.list_statuses() == ["stopped"]


async def test_stop_before_the_model_speaks(counter: Counter) -> None:
    """A stop that comes first leaves an empty answer."""
    signal = StopSignal()
    signal.stop()
    counter.model.script = [asyncio.Event()]
    reply = (await asyncio.wait_for(run(counter, signal=signal), 5))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.answer) == ("stopped", "")


async def test_answer_given_up_meanwhile_is_written_once(counter: Counter, clock: Clock) -> None:
    """An answer whose lease ran out was recorded as interrupted: it comes too late for a second row, and says so."""
    counter.model.script = ["It is ", lambda: lose_lease(counter, clock), "4180. [1]"]
    end = (await run(counter))[-1]
    assert isinstance(end, Failed)
    assert (end.code, end.text) == ("interrupted", "It is 4180. [1]")
    assert counter.list_statuses() == ["interrupted"]


def lose_lease(counter: Counter, clock: Clock) -> None:
    """Let the lease run out, and another process find it."""
    clock.advance(seconds=31)
    counter.store.write(leases.recover_turns, clock())


async def test_metrics_tell_of_answers(counter: Counter) -> None:
    """Answers, tokens, times and errors are counted."""
    await run(counter)
    counter.model.script = [ProviderError("Torn.")]
    await run(counter)
    text = generate_latest(counter.metrics.registry).decode()
    assert 'guichet_answers_total{assistant="support",status="complete"} 1.0' in text
    assert 'guichet_answers_total{assistant="support",status="failed"} 1.0' in text
    assert 'guichet_model_errors_total{code="provider_error",origin="provider"} 1.0' in text
    assert 'guichet_tokens_total{kind="prompt"} 100.0' not in text
    assert 'guichet_tokens_total{kind="completion"} 7.0' in text


# Rows and replies


async def test_stored_answer_gives_the_same_reply(counter: Counter) -> None:
    """What is built from the store later is what was sent at the time, of answers and of refusals."""
    for text in (ANSWERABLE, UNANSWERABLE):
        reply = (await run(counter, text))[-1]
        assert isinstance(reply, Reply)
        assert build_reply(counter.list_messages()[-1], reply.session) == reply


def test_nearest_sections_come_once() -> None:
    """Of several passages of one section one is named, three sections at most, the best first."""

    def passage(rank: int, heading: str) -> PassageUsed:
        return PassageUsed(rank, 1.0, "s", heading, "t", rank, False)

    found = (passage(1, "a"), passage(2, "a"), passage(3, "b"), passage(4, "c"), passage(5, "d"))
    assert [(near.rank, near.heading) for near in nearest_of(found)] == [(1, "a"), (3, "b"), (4, "c")]
    assert nearest_of((replace(found[0], source="x"), found[1]), 5) == (
        replace(found[0], source="x"),
        found[1],
    )


def test_versions_count_definitions(
    store: Store, settings: Settings, tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    """A definition that changed is a new version; the same one at the next start is not."""
    folder = tmp_path / "assistants"
    folder.mkdir()
    source = (settings.assistants_dir / "support.yaml").read_text(encoding="utf-8")
    numbers = []
    for text in (source, source, f"{source}\n# changed", source):
        (folder / "support.yaml").write_text(text, encoding="utf-8")
        numbers.append(Assistants(folder, store).find("support").version)
    assert numbers == [1, 1, 2, 3]


@pytest.mark.parametrize("text", ["hello", "Merci !", "what can you do?"])
async def test_courtesy_is_no_question_to_the_documents(counter: Counter, text: str) -> None:
    """A greeting is answered by the assistant, at once: no search, no model, and no refusal in the log."""
    events = await run(counter, text)
    assert read_kinds(events) == [Started, Sources, Token, Html, Reply]
    reply = events[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.passages, reply.nearest) == ("complete", (), ())
    assert counter.model.prompts == []
    row = counter.list_messages()[1]
    assert (row.content, row.model, row.passages) == (reply.answer, None, ())


async def test_assistant_of_one_language_writes_that(make_counter: MakeCounter, tmp_path: Path) -> None:
    """Whatever the question's language: refusals are in the assistant's own, and the model is told."""
    folder = tmp_path / "french"
    folder.mkdir()
    (folder / "support.yaml").write_text(
        "title: {fr: Aide}\nlanguage: fr\nprompt: Answer.\n", encoding="utf-8"
    )
    counter = make_counter(assistants_dir=folder)
    for thread in ("t1", "t2"):
        counter.add_thread(thread)
    await run(counter, ANSWERABLE)
    assert "- Answer in French, from" in str(counter.model.prompts[0][0].content)
    events = await run(counter, UNANSWERABLE, thread="t2")
    reply = events[-1]
    assert isinstance(reply, Reply)
    assert reply.answer == "La documentation ne répond pas à cette question."


async def test_assistant_answers_from_its_folders_alone(make_counter: MakeCounter, tmp_path: Path) -> None:
    """What lies outside of the folders an assistant names is not searched."""
    folder = tmp_path / "narrow"
    folder.mkdir()
    (folder / "support.yaml").write_text(
        "title: {en: Help}\nknowledge: nowhere\nprompt: Answer.\n", encoding="utf-8"
    )
    counter = make_counter(assistants_dir=folder)
    counter.add_thread()
    reply = (await run(counter, ANSWERABLE))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.passages) == ("refused", ())
