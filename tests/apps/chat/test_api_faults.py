"""What goes wrong over HTTP: by whose fault, with which status and code, and what is kept."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from chatbot.conversation import Conversation
from chatbot.errors import StorageFull
from tests.apps.chat.conftest import (
    SLOW,
    UNANSWERABLE,
    Client,
    Serve,
    Service,
    post_json,
    read_code,
    read_stored,
)
from tests.conftest import Clock
from tests.openai_server import Answer, OpenAIServer

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
    "content",
    [
        '{"secret-input": NaN}',
        '{"m": "\\ud800 secret-input"}',
        '["secret-input"]',
        '{"data": ["secret-input"',
    ],
)
def test_queue_of_the_page_does_not_echo_either(tester: Client, content: str) -> None:
    """What Gradio's own routes cannot read is refused in our form, be it what JSON cannot hold."""
    headers = {"content-type": "application/json"}
    response = tester.post("/gradio_api/queue/join", content=content, headers=headers)
    code = "invalid_json" if content.endswith('input"') else "invalid_request"
    assert read_code(response) == (400, code)
    assert "secret-input" not in response.text


def test_failure_of_the_page_is_told_in_our_form(tester: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in a route of Gradio's is 500 internal_error without its text, and the connection stays."""

    def fail(*arguments: object, **options: object) -> None:
        raise ValueError("secret-input")

    monkeypatch.setattr("gradio.route_utils.get_root_url", fail)
    response = tester.get("/config")
    assert read_code(response) == (500, "internal_error")
    assert "secret-input" not in response.text


def test_long_comment_is_told_in_characters(tester: Client) -> None:
    """A text over its bound is told the bound in characters."""
    answer = {"message_id": "m", "value": 1, "comment": "x" * 2001}
    message = tester.post("/api/feedback", json=answer).json()["error"]["message"]
    assert message == "comment: at most 2000 characters are allowed, not 2001"


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


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/api/",
        "/v1/nothing",
        "/health/nothing",
        "/api/messages",
        "/nothing",
        "/api",
        "/gradio_api/x",
    ],
)
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
        ("PURGE", "/api/start_chat", "POST"),
        ("PATCH", "/", "GET"),
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
    refused = tester.ask(thread, "\U0001f375" * 2000)
    assert read_code(refused) == (507, "storage_full")
    # Where the store lies is not the tester's business.
    assert "private" not in refused.text and "our side" in refused.text
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
    assert "private" not in events[-1].data["error"]["message"]
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
