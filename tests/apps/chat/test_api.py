"""The HTTP interface as docs/http.md fixes it: logins, threads, messages, session, feedback, health."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatbot.errors import StoreUnavailable
from chatbot.store import threads
from tests.apps.chat.conftest import (
    ANSWERABLE,
    NOWHERE,
    PASSWORD,
    UNANSWERABLE,
    Client,
    Serve,
    Service,
    read_code,
    wait_for,
)
from tests.conftest import Clock
from tests.openai_server import Answer, OpenAIServer

# Logins


def test_login_gives_token_cookie_and_notice(service: Service) -> None:
    """Login gives a token and its end, the tester's name, the notice's version and HTML, and the cookie."""
    client = service.client()
    body = client.log_in().json()
    assert set(body) == {"token", "expires_at", "tester", "privacy_notice"}
    assert set(body["privacy_notice"]) == {"version", "html", "accepted"}
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
    assert set(body["privacy_notice"]) == {"version", "html", "accepted"}
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
    found = {one["name"]: one for one in client.get("/api/assistants").json()}
    assert found["support"] == {
        "name": "support",
        "kind": "documentation",
        "title": "Assistant de documentation",
        "description": "Répond aux questions sur le produit d'après sa documentation, avec ses sources.",
        "form": None,
        "sender": None,
        "documents": [],
        "available": True,
        "reason": None,
    }
    assert set(found) == {"letters", "stories", "support"}


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


# Health, metrics, trace


def test_health_needs_no_login(service: Service) -> None:
    """Whoever watches the service asks without a login."""
    client = service.client()
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    assert [client.head(f"/health/{name}").status_code for name in ("live", "ready")] == [200, 200]


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
    """Methods that nobody here takes do not each become a label of their own."""
    client = service.client()
    for method in ("PURGE", "LOCK", "PROPFIND"):
        client.request(method, "/api/chat")
    text = client.get("/metrics").text
    assert "PURGE" not in text
    assert 'method="other"' in text


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
