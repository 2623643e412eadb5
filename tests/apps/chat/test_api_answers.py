"""Answers over HTTP: plain and as streams, repeated, joined again, stopped, left alone."""

from __future__ import annotations

import asyncio
import json
from itertools import groupby

import httpx
import pytest

from tests.apps.chat.conftest import (
    ANSWERABLE,
    CITATION_FIELDS,
    NOWHERE,
    REPLY_FIELDS,
    SESSION_FIELDS,
    SLOW,
    UNANSWERABLE,
    Client,
    Event,
    Serve,
    Service,
    collect,
    read_code,
    read_stored,
)
from tests.openai_server import Answer, OpenAIServer

# Answers


def test_plain_answer_is_one_document(tester: Client) -> None:
    """An answer comes with its HTML, the passages it cites, and what is left of the session."""
    body = tester.ask(tester.start_chat()).json()
    assert set(body) >= REPLY_FIELDS
    assert set(body["session"]) == SESSION_FIELDS
    assert body["answered"] is True
    assert "4180" in body["answer"]
    assert "<code>TEAPOT_PORT</code>" in body["answer_html"]
    assert body["nearest"] == []
    assert [set(citation) for citation in body["citations"]] == [CITATION_FIELDS]
    citation = body["citations"][0]
    assert (citation["number"], citation["source"]) == (1, "en/settings.md")
    assert citation["heading"] == "Settings > Ports"
    assert "TEAPOT_PORT" in citation["snippet"]
    assert body["session"]["messages_left"] == 49


def test_refused_answer_names_the_nearest(tester: Client) -> None:
    """What the documents do not hold is refused; the nearest sections are no citations."""
    body = tester.ask(tester.start_chat(), "How hot is the tea of the emperor Qianlong?").json()
    assert body["answered"] is False
    assert "does not answer" in body["answer"]
    assert body["citations"] == []
    assert all(set(citation) == CITATION_FIELDS for citation in body["nearest"])
    assert body["nearest"]


def test_stream_has_its_events_in_order(asker: Client, shared_model: OpenAIServer) -> None:
    """A stream is start, sources, tokens with the HTML so far, and one done that holds the same as the plain answer."""
    shared_model.default = Answer("It listens on port `4180`. [1] More in the settings. [2]", delay_s=0.03)
    thread = asker.start_chat()
    with asker.ask_streaming(thread) as stream:
        events = list(stream)
    names = [event.name for event in events]
    assert [name for name, _ in groupby(names)][:3] == ["start", "sources", "token"]
    assert names.count("start") == names.count("sources") == names.count("done") == 1
    assert names[-2:] == ["html", "done"]
    assert set(events[0].data) == {"message_id", "user_message_id"}
    assert [set(citation) for citation in events[1].data["citations"]]
    done = events[-1].data
    assert set(done) >= REPLY_FIELDS
    assert "".join(event.data["text"] for event in events if event.name == "token") == done["answer"]
    assert events[-2].data["html"] == done["answer_html"]
    assert done["message_id"] == events[0].data["message_id"]
    assert [event.number for event in events] == sorted({event.number for event in events})


def test_html_comes_at_most_ten_times_a_second(
    online: Service, asker: Client, shared_model: OpenAIServer
) -> None:
    """However fast the tokens come, rendered states are at most 10 a second, and a last one."""
    shared_model.default = Answer("word " * 60, delay_s=0.01)
    with asker.ask_streaming(asker.start_chat()) as stream:
        events = list(stream)
    names = [event.name for event in events]
    assert names.count("token") > 30
    total_ms = read_stored(online, events[0].data["message_id"]).total_ms
    assert total_ms is not None
    assert 1 < names.count("html") <= total_ms / 100 + 2


def test_refused_stream_sends_its_text_as_token(tester: Client) -> None:
    """A refused turn sends the same events, its text as a token."""
    with tester.ask_streaming(tester.start_chat(), UNANSWERABLE) as stream:
        events = list(stream)
    assert [event.name for event in events] == ["start", "sources", "token", "html", "done"]
    assert events[2].data["text"] == events[-1].data["answer"]
    assert events[-1].data["answered"] is False


def test_thread_is_free_once_done_was_received(tester: Client) -> None:
    """The next question is accepted as soon as `done` came, even before the stream is closed."""
    thread = tester.start_chat()
    for _ in range(3):
        with tester.ask_streaming(thread) as stream:
            assert any(event.name == "done" for event in stream)
            assert tester.ask(thread).status_code == 200


def test_model_refusal_is_not_answered(asker: Client, shared_model: OpenAIServer) -> None:
    """A model that says that the passages do not answer refuses; its marker is never shown."""
    shared_model.answer("[[NOT-IN-THE-DOCUMENTS]] The price is missing. [1]")
    with asker.ask_streaming(asker.start_chat()) as stream:
        events = list(stream)
    done = events[-1].data
    assert done["answered"] is False
    assert done["answer"].startswith("The price is missing.")
    assert done["citations"] == []
    assert done["nearest"]
    assert "NOT-IN" not in json.dumps([event.data for event in events])


def test_invented_numbers_are_dropped(asker: Client, shared_model: OpenAIServer) -> None:
    """Marks that no passage of the turn stands behind are never shown, streamed or stored."""
    shared_model.answer("True. [1][99] Also true [77].")
    with asker.ask_streaming(asker.start_chat()) as stream:
        events = list(stream)
    assert [citation["number"] for citation in events[-1].data["citations"]] == [1]
    shown = json.dumps([event.data for event in events if event.name in ("token", "html")])
    assert "99" not in shown + events[-1].data["answer"] + events[-1].data["answer_html"]
    assert "77" not in shown


def test_cut_answer_is_complete_and_marked(asker: Client, shared_model: OpenAIServer) -> None:
    """Finish `length` is a complete answer, marked as cut."""
    shared_model.answer("It listens on port 41", finish_reason="length")
    body = asker.ask(asker.start_chat()).json()
    assert body["is_cut"] is True
    assert body["answered"] is True


def test_earlier_turns_are_shown_to_the_model(asker: Client, shared_model: OpenAIServer) -> None:
    """The model sees the thread's earlier question and answer, without marks that now mean other passages."""
    thread = asker.start_chat()
    shared_model.answer("Port 4180. [1]")
    asker.ask(thread)
    asker.ask(thread, "Which variable sets the port of Teapot?")
    messages = shared_model.requests[-1].body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert ANSWERABLE in messages[1]["content"]
    assert messages[2]["content"].strip() == "Port 4180."


# Idempotency


def test_same_key_gives_the_same_answer(asker: Client, shared_model: OpenAIServer) -> None:
    """A message sent again under its key is not asked again."""
    thread = asker.start_chat()
    before = len(shared_model.requests)
    first = asker.ask(thread, **{"idempotency-key": "k1"}).json()
    second = asker.ask(thread, **{"idempotency-key": "k1"}).json()
    assert second["message_id"] == first["message_id"]
    assert second["answer"] == first["answer"]
    assert len(shared_model.requests) == before + 1
    assert len(asker.list_messages(thread)) == 2


def test_same_key_joins_the_running_turn(asker: Client, shared_model: OpenAIServer) -> None:
    """A message sent again while it is being answered gets the same events from their beginning."""
    shared_model.default = SLOW
    thread = asker.start_chat()
    with asker.ask_streaming(thread, **{"idempotency-key": "k2"}) as stream:
        first = [next(stream), next(stream), next(stream)]
        with asker.ask_streaming(thread, **{"idempotency-key": "k2"}) as again:
            joined = list(again)
        first += list(stream)
    assert joined[0] == first[0]
    assert joined[-1] == first[-1]
    assert "".join(event.data["text"] for event in joined if event.name == "token") == SLOW.text


def test_same_key_with_another_body_is_refused(tester: Client) -> None:
    """A key stands for one message."""
    thread = tester.start_chat()
    tester.ask(thread, **{"idempotency-key": "k3"})
    response = tester.ask(thread, "Which variable sets the temperature?", **{"idempotency-key": "k3"})
    assert read_code(response) == (422, "idempotency_mismatch")
    assert len(tester.list_messages(thread)) == 2


def test_keys_of_two_testers_are_apart(service: Service) -> None:
    """A key is the tester's own."""
    first, second = service.tester(), service.tester()
    answers = [client.ask(client.start_chat(), **{"idempotency-key": "k4"}) for client in (first, second)]
    assert answers[0].json()["message_id"] != answers[1].json()["message_id"]


# Joining again, stopping


def test_stream_goes_on_from_the_last_event_seen(asker: Client, shared_model: OpenAIServer) -> None:
    """A reader who lost the connection gets what came after the last event it saw, and nothing twice."""
    shared_model.default = SLOW
    with asker.ask_streaming(asker.start_chat()) as stream:
        seen = [next(stream) for _ in range(4)]
    path = f"/api/messages/{seen[0].data['message_id']}/events"
    rest = collect(asker, path, **{"last-event-id": str(seen[-1].number)})
    assert rest[0].number > seen[-1].number
    assert rest[-1].name == "done"
    text = "".join(event.data["text"] for event in [*seen, *rest] if event.name == "token")
    assert text == rest[-1].data["answer"] == SLOW.text


def test_events_of_an_ended_turn_can_be_read_again(tester: Client) -> None:
    """The stream of a turn is given again from its beginning; earlier HTML states have been replaced by the last."""
    body = tester.ask(tester.start_chat()).json()
    events = collect(tester, f"/api/messages/{body['message_id']}/events")
    assert [event.name for event in events].count("html") == 1
    assert events[0].name == "start"
    assert events[-1].data["answer"] == body["answer"]


def test_reader_who_has_seen_the_end_is_told_to_stop(tester: Client) -> None:
    """An EventSource that reconnects after `done` gets 204, which ends its reconnecting."""
    with tester.ask_streaming(tester.start_chat()) as stream:
        events = list(stream)
    path = f"/api/messages/{events[0].data['message_id']}/events"
    response = tester.get(path, headers={"last-event-id": str(events[-1].number)})
    assert response.status_code == 204


def test_events_that_are_gone_give_the_end_from_the_store(service: Service) -> None:
    """Once the events are gone one `done` comes from the store."""
    tester = service.tester()
    body = tester.ask(tester.start_chat()).json()
    service.services.turns._running.pop(body["message_id"])
    events = collect(tester, f"/api/messages/{body['message_id']}/events")
    assert [event.name for event in events] == ["done"]
    assert events[0].data == body


def test_failed_turn_from_the_store_is_an_error(online: Service, shared_model: OpenAIServer) -> None:
    """Once the events are gone a failed turn gives one `error` with the code it failed with."""
    asker = online.tester()
    thread = asker.start_chat()
    shared_model.fail(500)
    asker.ask(thread)
    message_id = asker.list_messages(thread)[-1]["message_id"]
    online.services.turns._running.pop(message_id)
    events = collect(asker, f"/api/messages/{message_id}/events")
    assert [event.name for event in events] == ["error"]
    assert events[0].data["error"]["code"] == "provider_unavailable"


@pytest.mark.parametrize("action", ["events", "stop"])
def test_only_answers_of_ones_own_have_events(service: Service, action: str) -> None:
    """Another tester's answer, a question, and an unknown message are all 404."""
    tester, other = service.tester(), service.tester()
    with tester.ask_streaming(tester.start_chat()) as stream:
        [start, *_] = [event.data for event in stream]
    method = "GET" if action == "events" else "POST"
    for client, message_id in (
        (other, start["message_id"]),
        (tester, start["user_message_id"]),
        (tester, NOWHERE),
    ):
        response = client.request(method, f"/api/messages/{message_id}/{action}")
        assert read_code(response) == (404, "unknown_message")


def test_stop_keeps_what_was_written(asker: Client, shared_model: OpenAIServer) -> None:
    """A stopped answer ends at once with `done`, its text kept as `stopped`."""
    shared_model.default = Answer("One two three four five.", fault="hang", after=3)
    thread = asker.start_chat()
    with asker.ask_streaming(thread) as stream:
        events: list[Event] = []
        for event in stream:
            events.append(event)
            if event.name == "token" and "three" in event.data["text"]:
                path = f"/api/messages/{events[0].data['message_id']}/stop"
                assert asker.post(path).status_code == 204
    assert events[-1].name == "done"
    assert events[-1].data["answered"] is False
    stored = asker.list_messages(thread)[-1]
    assert (stored["status"], stored["content"]) == ("stopped", "One two three")
    assert asker.post(path).status_code == 204
    assert asker.ask(thread, UNANSWERABLE).status_code == 200


# Clients that leave


def test_client_that_leaves_loses_nothing(online: Service, shared_model: OpenAIServer) -> None:
    """The answer goes on without its reader and is stored complete: times, tokens of the provider, versions, trace."""
    shared_model.default = Answer("It listens on port 4180. [1]", delay_s=0.05, usage=(321, 12))
    asker = online.tester()
    thread = asker.start_chat()
    with asker.ask_streaming(thread, **{"x-trace-id": "left-early"}) as stream:
        message_id = next(stream).data["message_id"]
        next(stream)
    asker.wait_for_answers(thread)
    row = read_stored(online, message_id)
    assert (row.status, row.content) == ("complete", "It listens on port 4180. [1]")
    assert (row.model, row.trace_id) == ("openai:fake", "left-early")
    assert (row.prompt_tokens, row.completion_tokens) == (321, 12)
    assert row.assistant_version == 1
    assert row.index_version == online.services.turns.conversation.knowledge.index_version
    assert row.first_token_ms is not None
    assert row.total_ms is not None
    assert 0 < row.first_token_ms < row.total_ms
    assert [passage.rank for passage in row.passages] == list(range(1, len(row.passages) + 1))
    assert [passage.number for passage in row.passages if passage.cited] == [1]
    assert len(row.passages) > 1


def test_plain_client_that_leaves_loses_nothing(online: Service, shared_model: OpenAIServer) -> None:
    """A client that does not wait for its plain answer finds it in the thread."""
    shared_model.default = SLOW
    asker = online.tester()
    thread = asker.start_chat()
    with pytest.raises(httpx.ReadTimeout):
        asker.post("/api/chat", json={"thread_id": thread, "message": ANSWERABLE}, timeout=0.3)
    assert asker.wait_for_answers(thread)[0]["content"] == SLOW.text


def test_tokens_are_estimated_where_the_provider_reports_none(
    online: Service, shared_model: OpenAIServer
) -> None:
    """Without usage tokens are characters / 4, of prompt and answer."""
    shared_model.answer("It listens on port 4180.", usage=None)
    asker = online.tester()
    row = read_stored(online, asker.ask(asker.start_chat()).json()["message_id"])
    sent = shared_model.requests[-1].body["messages"]
    characters = sum(len(message["content"]) for message in sent)
    assert row.completion_tokens == 6
    assert row.prompt_tokens is not None
    assert abs(row.prompt_tokens - characters / 4) <= len(sent)


def test_service_that_ends_tells_and_keeps(serve: Serve, openai_server: OpenAIServer) -> None:
    """Answers under way at the end of the service are kept as interrupted, and their readers told."""
    openai_server.default = Answer("One two three four.", fault="hang", after=2)
    service = serve(chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="k")
    tester = service.tester()
    thread = tester.start_chat()
    events: list[Event] = []
    with tester.ask_streaming(thread) as stream:
        for event in stream:
            events.append(event)
            if event.name == "token" and "two" in event.data["text"]:
                turns = service.services.turns
                loop = next(iter(turns._tasks)).get_loop()
                asyncio.run_coroutine_threadsafe(turns.close(), loop).result(5)
    assert events[-1].name == "error"
    assert events[-1].data["error"]["code"] == "interrupted"
    stored = tester.list_messages(thread)[-1]
    assert (stored["status"], stored["content"]) == ("interrupted", "One two")
    assert (stored["error_origin"], stored["error_code"]) == ("service", "interrupted")
