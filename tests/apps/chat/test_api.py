"""The HTTP interface, to the letter of CONTRACT.md: over a running service, answers from both kinds of model."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from chatbot.conversation import Conversation
from chatbot.errors import StorageFull, StoreUnavailable
from chatbot.store import threads
from chatbot.store.records import Message
from tests.apps.chat.conftest import (
    ANSWERABLE,
    PASSWORD,
    UNANSWERABLE,
    Client,
    Event,
    Serve,
    Service,
    read_code,
    read_events,
    wait_for,
)
from tests.conftest import Clock
from tests.openai_server import Answer, OpenAIServer

SESSION_FIELDS = {"active", "seconds_left", "messages_left", "characters_left", "expires_at"}
REPLY_FIELDS = {"message_id", "answer", "answer_html", "answered", "citations", "nearest", "session"}
CITATION_FIELDS = {"number", "source", "heading", "snippet"}
SLOW = Answer("One two three four five. [1]", delay_s=0.15)
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _default_answer(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shared model's server as it was found."""
    yield
    if "shared_model" in request.fixturenames:
        request.getfixturevalue("shared_model").default = Answer()


def read_stored(service: Service, message_id: str) -> Message:
    """Give an answer as it is stored."""
    return service.services.store.read(threads.read_message, message_id)


def post_json(client: Client, content: str) -> httpx.Response:
    """Ask with a body that is sent letter by letter."""
    headers = {"content-type": "application/json"}
    return client.post("/api/chat", content=content.encode(), headers=headers)


def collect(client: Client, path: str, **headers: str) -> list[Event]:
    """Give all events of a stream."""
    with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        return list(read_events(response))


# Logins


def test_login_gives_token_cookie_and_notice(service: Service) -> None:
    """Login gives a token and its end, the tester's name, the notice's version and HTML, and the cookie."""
    client = service.client()
    body = client.log_in().json()
    assert set(body) == {"token", "expires_at", "tester", "privacy_notice"}
    assert set(body["privacy_notice"]) == {"version", "html"}
    assert body["privacy_notice"]["html"].startswith("<p>")
    assert datetime.fromisoformat(body["expires_at"]) > datetime.now(UTC)
    assert client.get("/api/threads").status_code == 200
    bearer = service.client(headers={"authorization": f"Bearer {body['token']}"})
    assert bearer.get("/api/threads").status_code == 200


def test_each_login_is_a_tester_of_its_own(service: Service) -> None:
    """Testers are named for the code's label, counted up."""
    first, second = (service.client().log_in().json()["tester"] for _ in range(2))
    assert first.startswith("beta-")
    assert int(second.removeprefix("beta-")) == int(first.removeprefix("beta-")) + 1


def test_notice_comes_in_the_readers_language(service: Service) -> None:
    """`Accept-Language` chooses the language of the notice."""
    french = service.client(headers={"accept-language": "fr-CH, en;q=0.5"}).log_in().json()
    assert "enregistrés" in french["privacy_notice"]["html"]


def test_wrong_password_is_refused(service: Service) -> None:
    """Another password than the shared one gives 401, and no cookie."""
    response = service.client().log_in("one lump of sugar")
    assert read_code(response) == (401, "wrong_password")
    assert "set-cookie" not in response.headers


def test_ten_wrong_passwords_lock_the_address_out(service: Service) -> None:
    """After 10 wrong ones an address waits, even with the right one; another address does not."""
    attacker = service.client(address="127.0.0.7")
    codes = [read_code(attacker.log_in(f"guess {number}")) for number in range(10)]
    assert codes == [(401, "wrong_password")] * 10
    refused = attacker.log_in()
    assert read_code(refused) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert service.client(address="127.0.0.8").log_in().status_code == 200


def test_logout_ends_the_token_everywhere(service: Service) -> None:
    """After logout the token works neither as cookie nor as bearer, and the cookie is taken away."""
    client = service.client()
    token = client.log_in().json()["token"]
    response = client.post("/api/logout")
    assert response.status_code == 204
    assert response.content == b""
    assert "Max-Age=0" in response.headers["set-cookie"]
    for headers in ({"cookie": f"guichet={token}"}, {"authorization": f"Bearer {token}"}):
        assert read_code(service.client().get("/api/threads", headers=headers)) == (401, "not_logged_in")


def test_login_ends_after_seven_days(serve: Serve, clock: Clock) -> None:
    """A login runs out at the moment it named."""
    client = serve(clock=clock).client()
    ends_at = datetime.fromisoformat(client.log_in().json()["expires_at"])
    assert client.get("/api/threads").status_code == 200
    clock.now = ends_at
    assert read_code(client.get("/api/threads")) == (401, "not_logged_in")


def test_open_mode_lets_start_chat_log_in(serve: Serve) -> None:
    """Without a password the first start_chat gives cookie and token; the next ones need no new one."""
    service = serve(beta_password=None)
    client = service.client()
    assert read_code(client.get("/api/threads")) == (401, "not_logged_in")
    first = client.post("/api/start_chat")
    assert first.status_code == 201
    assert "guichet=" in first.headers["set-cookie"]
    token = first.json()["token"]
    second = client.post("/api/start_chat")
    assert "set-cookie" not in second.headers
    assert second.json()["token"] is None
    client.ask(first.json()["thread_id"])
    bearer = service.client(headers={"authorization": f"Bearer {token}"})
    assert len(bearer.list_messages(first.json()["thread_id"])) == 2


# Threads


def test_start_chat_gives_a_thread(tester: Client) -> None:
    """A new thread names its assistant, its whole session and the notice; no token where a login was needed."""
    response = tester.post("/api/start_chat", json={"assistant": "support"})
    body = response.json()
    assert response.status_code == 201
    assert body["assistant"] == "support"
    assert body["token"] is None
    assert set(body["privacy_notice"]) == {"version", "html"}
    assert body["session"] == {
        "active": True,
        "seconds_left": 3600,
        "messages_left": 50,
        "characters_left": 20000,
        "expires_at": None,
    }


def test_start_chat_takes_an_empty_object(tester: Client) -> None:
    """The default assistant is taken when none is named."""
    assert tester.post("/api/start_chat", json={}).json()["assistant"] == "support"


def test_unknown_assistant_is_not_found(tester: Client) -> None:
    """An assistant that is not there gives 404."""
    assert read_code(tester.post("/api/start_chat", json={"assistant": "oracle"})) == (
        404,
        "unknown_assistant",
    )


def test_threads_are_the_testers_own_newest_first(service: Service) -> None:
    """The list holds the tester's threads, the newest first, titled by their first question."""
    tester, other = service.tester(), service.tester()
    other.start_chat()
    first, second = tester.start_chat(), tester.start_chat()
    tester.ask(first, ANSWERABLE)
    entries = tester.get("/api/threads").json()
    assert [entry["thread_id"] for entry in entries] == [second, first]
    assert [entry["title"] for entry in entries] == ["", ANSWERABLE]
    assert [entry["messages"] for entry in entries] == [0, 2]


def test_assistants_are_listed_in_the_readers_language(service: Service) -> None:
    """Each assistant says its name, title, description, form, and whether it is available."""
    client = service.tester(headers={"accept-language": "fr"})
    assert client.get("/api/assistants").json() == [
        {
            "name": "support",
            "title": "Assistant de documentation",
            "description": "Répond aux questions sur le produit d'après sa documentation, avec ses sources.",
            "form": None,
            "available": True,
            "reason": None,
        }
    ]


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
    assert messages[1]["content"] == ANSWERABLE
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


# Messages, session, feedback


def test_messages_come_oldest_first(tester: Client) -> None:
    """A thread's messages have their text, HTML, time, status and citations; the tester's own text is no Markdown."""
    thread = tester.start_chat()
    tester.ask(thread, "Which **port** <b>does</b> Teapot listen on?")
    tester.ask(thread, UNANSWERABLE)
    body = tester.get(f"/api/thread/{thread}/messages").json()
    assert body["thread_id"] == thread
    question, answer, _, refusal = body["messages"]
    assert [message["origin"] for message in body["messages"]] == ["user", "bot", "user", "bot"]
    assert [message["status"] for message in (question, answer, refusal)] == [
        "complete",
        "complete",
        "refused",
    ]
    assert question["content"] == "Which **port** <b>does</b> Teapot listen on?"
    assert question["html"] == "Which **port** &lt;b&gt;does&lt;/b&gt; Teapot listen on?"
    assert "<code>" in answer["html"]
    assert answer["citations"][0]["source"] == "en/settings.md"
    assert refusal["citations"] == []
    times = [datetime.fromisoformat(message["created_at"]) for message in body["messages"]]
    assert times == sorted(times)
    assert times[0].tzinfo is not None


@pytest.mark.parametrize("path", ["/api/thread/{}/messages", "/api/session_status?thread_id={}"])
def test_another_testers_thread_is_not_found(service: Service, path: str) -> None:
    """A tester sees only the threads he started: anyone else's is 404, as one that does not exist."""
    tester, other = service.tester(), service.tester()
    thread = tester.start_chat()
    assert tester.get(path.format(thread)).status_code == 200
    assert read_code(other.get(path.format(thread))) == (404, "unknown_thread")
    assert read_code(tester.get(path.format(NOWHERE))) == (404, "unknown_thread")


def test_asking_in_another_testers_thread_is_not_found(service: Service) -> None:
    """Nobody writes into a thread that is not theirs."""
    tester, other = service.tester(), service.tester()
    thread = tester.start_chat()
    assert read_code(other.ask(thread)) == (404, "unknown_thread")
    assert tester.list_messages(thread) == []


def test_session_runs_from_the_first_message(serve: Serve, clock: Clock) -> None:
    """`expires_at` is null until the first message; time runs from then, and the thread stays readable afterwards."""
    tester = serve(clock=clock, max_session_duration=600).tester()
    thread = tester.start_chat()
    path = f"/api/session_status?thread_id={thread}"
    clock.advance(hours=1)
    assert tester.get(path).json()["expires_at"] is None
    tester.ask(thread)
    clock.advance(seconds=599)
    status = tester.get(path).json()
    assert (status["active"], status["seconds_left"]) == (True, 1)
    assert datetime.fromisoformat(status["expires_at"]) == clock.now + timedelta(seconds=1)
    clock.advance(seconds=1)
    assert tester.get(path).json()["active"] is False
    assert read_code(tester.ask(thread)) == (403, "session_expired")
    assert len(tester.list_messages(thread)) == 2
    assert tester.ask(tester.start_chat()).status_code == 200


def test_no_limits_are_null(serve: Serve) -> None:
    """A limit of 0 is no limit and gives null."""
    tester = serve(max_session_duration=0, max_characters=0, max_messages=0).tester()
    thread = tester.start_chat()
    tester.ask(thread)
    assert tester.get(f"/api/session_status?thread_id={thread}").json() == {
        "active": True,
        "seconds_left": None,
        "messages_left": None,
        "characters_left": None,
        "expires_at": None,
    }


def test_full_session_names_its_limit(serve: Serve) -> None:
    """The message that would pass a limit is refused with the limit's name; an answer is never cut by it."""
    tester = serve(max_messages=1, max_characters=150).tester()
    thread = tester.start_chat()
    body = tester.ask(thread).json()
    assert len(body["answer"]) + len(ANSWERABLE) > 150
    assert body["session"]["characters_left"] == body["session"]["messages_left"] == 0
    assert body["session"]["active"] is False
    refused = tester.ask(thread)
    assert read_code(refused) == (403, "session_full")
    assert refused.json()["error"]["limit"] == "MAX_MESSAGES"
    thread = tester.start_chat()
    refused = tester.ask(thread, "x" * 151)
    assert read_code(refused) == (403, "session_full")
    assert refused.json()["error"]["limit"] == "MAX_CHARACTERS"
    assert tester.list_messages(thread) == []


def test_feedback_again_replaces(service: Service) -> None:
    """The last verdict on an answer is the one in force."""
    tester = service.tester()
    thread = tester.start_chat()
    message_id = tester.ask(thread).json()["message_id"]
    for body in ({"value": 1}, {"value": -1, "reason": "wrong", "comment": "It is 4181."}):
        response = tester.post("/api/feedback", json={"message_id": message_id} | body)
        assert (response.status_code, response.content) == (204, b"")
    verdicts = service.services.store.read(threads.read_feedback, [thread])
    assert [(v.value, v.reason, v.comment) for v in verdicts.values()] == [(-1, "wrong", "It is 4181.")]


@pytest.mark.parametrize("value", [0, 2, "1", None, True, 1.5])
def test_feedback_is_1_or_minus_1(tester: Client, value: Any) -> None:
    """Any other value is refused."""
    message_id = tester.ask(tester.start_chat()).json()["message_id"]
    response = tester.post("/api/feedback", json={"message_id": message_id, "value": value})
    assert read_code(response) == (400, "invalid_request")


def test_feedback_is_on_answers_of_ones_own(service: Service) -> None:
    """A question, another tester's answer and an unknown message cannot be judged."""
    tester, other = service.tester(), service.tester()
    thread = tester.start_chat()
    tester.ask(thread)
    question, answer = (message["message_id"] for message in tester.list_messages(thread))
    for client, message_id in ((tester, question), (other, answer), (tester, NOWHERE)):
        response = client.post("/api/feedback", json={"message_id": message_id, "value": 1})
        assert read_code(response) == (404, "unknown_message")


# Errors of the request


@pytest.mark.parametrize(
    "content",
    [b"{", b"thread", b"", b'{"thread_id": "\xff"}', b"[" * 60_000, b'{"a": 1} {}'],
    ids=["torn", "word", "nothing", "not-utf-8", "deep", "two"],
)
def test_what_is_not_json_is_refused(tester: Client, content: bytes) -> None:
    """A body that cannot be read as JSON gives 400 invalid_json, or invalid_request where there is none."""
    response = tester.post("/api/chat", content=content, headers={"content-type": "application/json"})
    assert read_code(response) == (400, "invalid_json" if content else "invalid_request")


@pytest.mark.parametrize(
    "content",
    [
        '{"thread_id": "t", "message": NaN}',
        '{"thread_id": "t", "message": ["\\ud800 secret-input"]}',
        '{"thread_id": 5, "message": "secret-input"}',
        '{"message": "secret-input"}',
        '["secret-input"]',
        '"secret-input"',
        "null",
    ],
)
def test_invalid_request_does_not_echo_the_input(tester: Client, content: str) -> None:
    """A body of the wrong shape gives 400 with the field's name, and without what was sent."""
    response = post_json(tester, content)
    assert read_code(response) == (400, "invalid_request")
    assert "secret-input" not in response.text


@pytest.mark.parametrize(
    "message", ["", r"  \n\t", r"\u200b\u2060\ufeff", r"\u00ad\u3164", r"\ud800", r"\u0000", "\u200b"]
)
def test_message_without_anything_visible_is_empty(tester: Client, message: str) -> None:
    """White space, zero-width characters, NUL and lone surrogates alone are an empty message."""
    thread = tester.start_chat()
    response = post_json(tester, f'{{"thread_id": "{thread}", "message": "{message}"}}')
    assert read_code(response) == (400, "empty_message")
    assert tester.list_messages(thread) == []


def test_too_long_a_message_says_how_long(tester: Client) -> None:
    """Lengths count characters; the error gives the limit and the length."""
    thread = tester.start_chat()
    refused = tester.ask(thread, "\U0001f375" * 2001)
    assert read_code(refused) == (400, "message_too_long")
    assert (refused.json()["error"]["limit"], refused.json()["error"]["length"]) == (2000, 2001)
    assert tester.ask(thread, "\U0001f375" * 2000).status_code == 200


def test_text_is_kept_as_sent_after_nfc(tester: Client) -> None:
    """What was sent is kept exactly, in NFC, without NUL and lone surrogates."""
    thread = tester.start_chat()
    message = ' Cafe\\u0301\\u0000 \\ud83d\\ude00\\ud800 \\"port\\"?\\r\\n '
    content = f'{{"thread_id": "{thread}", "message": "{message}"}}'
    assert post_json(tester, content).status_code == 200
    assert tester.list_messages(thread)[0]["content"] == ' Café \U0001f600 "port"?\r\n '


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_declared_json_is_refused(tester: Client, kind: str) -> None:
    """The content type has to be JSON's: a foreign page's form cannot send that without asking first."""
    response = tester.post("/api/chat", content=b"{}", headers={"content-type": kind} if kind else {})
    assert read_code(response) == (415, "not_json")


def test_json_with_a_charset_is_json(tester: Client) -> None:
    """A parameter of the content type changes nothing."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert tester.post("/api/start_chat", content=b"{}", headers=headers).status_code == 201


@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/v1/nothing", "/health/nothing", "/api/messages"])
def test_unknown_path_is_not_found(tester: Client, path: str) -> None:
    """A path that is not there gives our own 404, though a page is mounted at the root."""
    assert read_code(tester.get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/chat", "POST"),
        ("PUT", "/api/threads", "GET"),
        ("DELETE", "/api/feedback", "POST"),
        ("PUT", "/metrics", "GET"),
        ("PUT", "/health/live", "GET"),
        ("BREW", "/api/start_chat", "POST"),
    ],
)
def test_wrong_method_is_not_allowed(tester: Client, method: str, path: str, allowed: str) -> None:
    """A path that takes another method gives 405 and says which."""
    response = tester.request(method, path)
    assert read_code(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == allowed


def test_busy_thread_refuses_a_second_question(asker: Client, shared_model: OpenAIServer) -> None:
    """While an answer is being written its thread takes no question; another thread does."""
    shared_model.default = SLOW
    thread = asker.start_chat()
    with asker.ask_streaming(thread) as stream:
        next(stream)
        assert read_code(asker.ask(thread)) == (409, "busy")
        assert asker.ask(asker.start_chat(), UNANSWERABLE).status_code == 200
        assert list(stream)[-1].name == "done"
    assert [message["origin"] for message in asker.list_messages(thread)] == ["user", "bot"]


def test_rate_limit_is_per_tester(serve: Serve) -> None:
    """Too many messages in a minute give 429 with Retry-After, to this tester alone."""
    service = serve(rate_limit="2/minute")
    tester, other = service.tester(), service.tester()
    thread = tester.start_chat()
    assert [tester.ask(thread, UNANSWERABLE).status_code for _ in range(2)] == [200, 200]
    refused = tester.ask(thread, UNANSWERABLE)
    assert read_code(refused) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert other.ask(other.start_chat(), UNANSWERABLE).status_code == 200


# Faults of the provider


@pytest.mark.parametrize(
    ("answer", "status", "code", "kept"),
    [
        (Answer(status=401), 502, "provider_rejected", ""),
        (Answer(status=429, retry_after=1), 502, "provider_rejected", ""),
        (Answer(status=500), 502, "provider_unavailable", ""),
        (Answer(status=400), 502, "provider_error", ""),
        (Answer(""), 502, "provider_error", ""),
        (Answer("One two three.", fault="drop", after=2), 502, "provider_error", "One two"),
        (Answer("One two three.", fault="end_early", after=2), 502, "provider_error", "One two"),
        (Answer("One two three.", fault="torn", after=2), 502, "provider_error", "One two"),
        (Answer("One two.", finish_reason="content_filter"), 502, "provider_rejected", "One two."),
        (Answer("One two three.", fault="hang", after=2), 504, "provider_timeout", "One two"),
    ],
    ids=["401", "429", "500", "400", "empty", "drop", "early", "torn", "filter", "hang"],
)
def test_fault_of_the_provider_is_told_and_kept(
    online: Service, shared_model: OpenAIServer, answer: Answer, status: int, code: str, kept: str
) -> None:
    """The error says that it is the provider's; what had come is kept in the failed row, and the thread goes on."""
    asker = online.tester()
    thread = asker.start_chat()
    shared_model.default = answer
    assert read_code(asker.ask(thread)) == (status, code)
    stored = asker.list_messages(thread)[-1]
    assert (stored["status"], stored["content"]) == ("failed", kept)
    assert (stored["error_origin"], stored["error_code"]) == ("provider", code)
    row = read_stored(online, stored["message_id"])
    assert row.total_ms is not None
    assert row.model == "openai:fake"
    shared_model.default = Answer()
    assert asker.ask(thread).status_code == 200


def test_fault_after_the_start_is_an_error_event(asker: Client, shared_model: OpenAIServer) -> None:
    """A stream that fails ends with one `error` in the form of every error, and no `done`."""
    shared_model.default = Answer("One two three.", fault="drop", after=2)
    headers = {"x-trace-id": "trace-of-the-fault"}
    with asker.ask_streaming(asker.start_chat(), **headers) as stream:
        events = list(stream)
    assert events[-1].name == "error"
    assert events[-1].data["error"]["code"] == "provider_error"
    assert events[-1].data["error"]["trace_id"] == "trace-of-the-fault"
    assert "done" not in [event.name for event in events]


def test_service_without_free_streams_is_too_busy(serve: Serve, openai_server: OpenAIServer) -> None:
    """With MAX_STREAMS answers being written the next question gets 503 and when to try again; a repeat joins."""
    openai_server.default = SLOW
    service = serve(
        chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="k", max_streams=1
    )
    tester = service.tester()
    thread = tester.start_chat()
    with tester.ask_streaming(thread, **{"idempotency-key": "k"}) as stream:
        next(stream)
        refused = tester.ask(tester.start_chat())
        assert read_code(refused) == (503, "too_busy")
        assert int(refused.headers["retry-after"]) > 0
        assert tester.ask(thread, **{"idempotency-key": "k"}).status_code == 200
        list(stream)
    assert tester.ask(tester.start_chat()).status_code == 200


# Faults of ours


def run_sql(service: Service, *statements: str) -> None:
    """Do something to the store behind the service's back."""

    def run(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    service.services.store.write(run)


def fill_disk(service: Service) -> None:
    """Let the store grow no further and take its last free pages, as a full disk would."""
    run_sql(service, "CREATE TABLE filler (content BLOB)")
    run_sql(service, "PRAGMA max_page_count = 1")
    for size in (1_000_000, 100_000, 10_000, 1000, 100, 1):
        with pytest.raises(StorageFull):
            for _ in range(10_000):
                run_sql(service, f"INSERT INTO filler VALUES (zeroblob({size}))")


def free_disk(service: Service) -> None:
    """Give the store room again."""
    run_sql(service, "PRAGMA max_page_count = 1000000", "DROP TABLE filler")


def test_question_that_cannot_be_kept_is_not_asked(serve: Serve, openai_server: OpenAIServer) -> None:
    """On a full disk a question gets 507 before the model is called; reading goes on, and space heals it."""
    service = serve(chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="k")
    tester = service.tester()
    thread = tester.start_chat()
    assert tester.ask(thread).status_code == 200
    fill_disk(service)
    assert read_code(tester.ask(thread, "\U0001f375" * 2000)) == (507, "storage_full")
    assert len(openai_server.requests) == 1
    assert len(tester.list_messages(thread)) == 2
    free_disk(service)
    assert tester.ask(thread).status_code == 200


def test_answer_that_cannot_be_kept_is_an_error(
    serve: Serve, openai_server: OpenAIServer, clock: Clock
) -> None:
    """An answer is never called done unless it is durable; its thread is free again once the lease has run out."""
    openai_server.default = Answer("word " * 1000, pieces=("word " * 1000, "end"), delay_s=0.7)
    service = serve(
        clock=clock, chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="k"
    )
    tester = service.tester()
    thread = tester.start_chat()
    with tester.ask_streaming(thread) as stream:
        next(stream)
        fill_disk(service)
        events = list(stream)
    assert events[-1].name == "error"
    assert events[-1].data["error"]["code"] == "storage_full"
    free_disk(service)
    assert read_code(tester.ask(thread)) == (409, "busy")
    clock.advance(seconds=31)
    openai_server.default = Answer()
    assert tester.ask(thread).status_code == 200
    statuses = [message["status"] for message in tester.list_messages(thread)]
    assert statuses == ["complete", "interrupted", "complete", "complete"]


@pytest.mark.parametrize("table", ["logins", "threads"])
def test_store_that_does_not_answer_is_told(serve: Serve, table: str) -> None:
    """A store that cannot be read gives 503 in the form of every error, also where the guard asks it."""
    service = serve()
    tester = service.tester()
    run_sql(service, f"ALTER TABLE {table} RENAME TO gone")
    assert read_code(tester.get("/api/threads")) == (503, "store_unavailable")


def test_fault_of_ours_is_told_without_its_text(tester: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw gives 500 internal_error, and nothing of its text."""

    async def break_down(self: Conversation, thread_id: str) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(Conversation, "measure_session", break_down)
    response = tester.post("/api/start_chat")
    assert read_code(response) == (500, "internal_error")
    assert "secret" not in response.text


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


# Health, metrics, trace


def test_health_needs_no_login(service: Service) -> None:
    """Whoever watches the service asks without a login."""
    client = service.client()
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_unready_service_says_why(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose store does not answer is alive and not ready."""
    service = serve()
    client = service.client()
    store = service.services.store

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(type(store), "read", fail)
    assert client.get("/health/live").status_code == 200
    response = client.get("/health/ready")
    assert read_code(response) == (503, "store_unavailable")


def test_metrics_count_what_happened(serve: Serve) -> None:
    """Requests are counted by route, not by path; answers, tokens and times by what they were."""
    service = serve()
    tester = service.tester()
    thread = tester.start_chat()
    tester.ask(thread)
    tester.ask(thread, UNANSWERABLE)
    tester.list_messages(thread)
    text = service.client().get("/metrics").text
    path = "/api/thread/{thread_id}/messages"
    assert f'guichet_http_requests_total{{method="GET",route="{path}",status="200"}} 1.0' in text
    assert 'guichet_answers_total{assistant="support",status="complete"} 1.0' in text
    assert 'guichet_answers_total{assistant="support",status="refused"} 1.0' in text
    assert "guichet_answer_seconds_count 2.0" in text
    assert "guichet_first_token_seconds_count 1.0" in text
    assert "guichet_streams_active 0.0" in text
    assert 'guichet_tokens_total{kind="completion"}' in text
    assert f'guichet_http_request_seconds_bucket{{le="+Inf",route="{path}"}} 1.0' in text
    assert thread not in text


def test_metrics_labels_are_bounded(service: Service) -> None:
    """Methods that nobody knows do not each become a label of their own."""
    client = service.client()
    for number in range(3):
        client.request(f"BREW{number}", "/api/chat")
    text = client.get("/metrics").text
    assert "BREW" not in text


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via"])
def test_metrics_are_for_loopback_itself(service: Service, name: str) -> None:
    """What came through a proxy is not loopback."""
    response = service.client().get("/metrics", headers={name: "192.0.2.1"})
    assert read_code(response) == (401, "not_logged_in")


def test_metrics_with_a_service_token_need_it(serve: Serve) -> None:
    """With SERVICE_TOKEN the bearer of it reads the metrics, through a proxy too, and nobody else."""
    client = serve(service_token="metrics-are-mine").client()
    good = {"authorization": "Bearer metrics-are-mine", "x-forwarded-for": "192.0.2.1"}
    assert client.get("/metrics", headers=good).status_code == 200
    for headers in ({}, {"authorization": "Bearer metrics-are-yours"}, {"authorization": "metrics-are-mine"}):
        assert read_code(client.get("/metrics", headers=headers)) == (401, "not_logged_in")


def test_trace_id_is_taken_or_made(service: Service) -> None:
    """Every response has a trace id: the request's where it is well-formed, else a new one."""
    client = service.client()
    offered = "aZ09_-" * 10
    assert client.get("/health/live", headers={"x-trace-id": offered}).headers["x-trace-id"] == offered
    for wrong in ("", "x" * 65, "a b", "a;b", "a\u00e9".encode().decode("latin-1")):
        response = client.get("/health/live", headers={"x-trace-id": wrong.encode("latin-1")})
        made = response.headers["x-trace-id"]
        assert made != wrong
        assert 1 <= len(made) <= 64


def test_many_testers_are_answered_at_once(
    asker: Client, online: Service, shared_model: OpenAIServer
) -> None:
    """Twenty testers who ask at the same time are all answered, each in a thread of their own."""
    shared_model.default = Answer("Port 4180. [1]", delay_s=0.05)
    clients = [online.tester() for _ in range(20)]
    answers: list[str] = []

    def ask(client: Client) -> None:
        answers.append(client.ask(client.start_chat()).json()["answer"])

    workers = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == ["Port 4180. [1]"] * 20
    wait_for(lambda: online.services.turns._active, lambda active: active == 0)


def test_password_is_compared_whole(service: Service) -> None:
    """A password that begins or ends like the right one is wrong."""
    client = service.client(address="127.0.0.9")
    for wrong in (PASSWORD[:-1], f"{PASSWORD} ", PASSWORD.upper(), ""):
        assert read_code(client.log_in(wrong)) == (401, "wrong_password")
