"""The interface's table, walked: every call with what it gives, and every refusal that its route can answer with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.apps.chat.conftest import (
    ANSWERABLE,
    NOWHERE,
    PASSWORD,
    REPLY_FIELDS,
    SESSION_FIELDS,
    UNANSWERABLE,
    Client,
    Service,
    read_code,
)

LOGIN_FIELDS = {"token", "expires_at", "tester", "privacy_notice"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the table: what is sent, and the status and fields that come back."""

    name: str
    status: int
    body: dict[str, Any] | None = None
    fields: set[str] = field(default_factory=set)
    needs_login: bool = True

    @property
    def method(self) -> str:
        """The method."""
        return self.name.split()[0]

    @property
    def path(self) -> str:
        """The path, with places for ids."""
        return self.name.split()[1]


OPENAI_BODY = {"model": "support", "messages": [{"role": "user", "content": ANSWERABLE}]}
CALLS = (
    Call("POST /api/login", 200, {"password": PASSWORD}, LOGIN_FIELDS, needs_login=False),
    Call("POST /api/resume_code", 200, None, {"code", "expires_at"}),
    Call("POST /api/resume", 200, {"code": "{resume}"}, LOGIN_FIELDS, needs_login=False),
    Call("GET /api/assistants", 200, None, {"name", "title", "description", "form", "available", "reason"}),
    Call("POST /api/start_chat", 201, {}, {"thread_id", "assistant", "session", "privacy_notice"}),
    Call("GET /api/threads", 200, None, {"thread_id", "assistant", "title", "created_at"}),
    Call("POST /api/chat", 200, {"thread_id": "{thread}", "message": ANSWERABLE}, REPLY_FIELDS),
    Call("GET /api/messages/{answer}/events", 200),
    Call("POST /api/messages/{answer}/stop", 204),
    Call("POST /api/messages/{answer}/request_documentation", 204),
    Call("GET /api/thread/{thread}/messages", 200, None, {"thread_id", "messages"}),
    Call("GET /api/thread/{thread}/transcript.pdf", 200),
    Call("GET /api/thread/{thread}/transcript.md", 200),
    Call("POST /api/thread/{thread}/rating", 204, {"value": 4, "comment": "good"}),
    Call("GET /api/session_status?thread_id={thread}", 200, None, SESSION_FIELDS),
    Call(
        "POST /api/feedback", 204, {"message_id": "{answer}", "value": -1, "reason": "wrong", "comment": "c"}
    ),
    Call("POST /v1/chat/completions", 200, OPENAI_BODY, {"id", "object", "choices", "usage", "citations"}),
    Call("GET /v1/models", 200, None, {"object", "data"}),
    Call("GET /widget.js", 200, needs_login=False),
    Call("GET /health/live", 200, needs_login=False),
    Call("GET /health/ready", 200, needs_login=False),
    Call("GET /metrics", 200, needs_login=False),
    Call("GET /api/openapi.json", 200, None, {"openapi", "paths"}),
    Call("POST /api/logout", 204),
)
WITH_BODY = [call for call in CALLS if call.body]
TESTERS = [call for call in CALLS if call.needs_login]
OF_A_THREAD = [call for call in CALLS if "{thread}" in f"{call.path}{call.body}"]
OF_AN_ANSWER = [call for call in CALLS if "{answer}" in f"{call.path}{call.body}"]


@pytest.fixture(scope="module")
def ids(shared_service: Service) -> dict[str, str]:
    """Give a conversation of a tester's, and the token that is his."""
    tester = shared_service.tester()
    thread = tester.start_chat()
    answer = tester.ask(thread).json()["message_id"]
    question = tester.list_messages(thread)[0]["message_id"]
    token = tester.cookies["guichet"]
    return {"thread": thread, "answer": answer, "question": question, "token": token}


def fill(value: Any, ids: dict[str, str]) -> Any:
    """Put ids into their places."""
    if isinstance(value, dict):
        return {name: fill(item, ids) for name, item in value.items()}
    for name, text in ids.items() if isinstance(value, str) else ():
        value = value.replace(f"{{{name}}}", text)
    return value


def make_owner(service: Service, ids: dict[str, str]) -> Client:
    """Give a client of the tester whose the ids are, by bearer."""
    return service.client(headers={"authorization": f"Bearer {ids['token']}"})


def send(client: Client, call: Call, ids: dict[str, str], **options: Any) -> Any:
    """Make a call."""
    body = {} if "content" in options or call.body is None else {"json": fill(call.body, ids)}
    return client.request(call.method, fill(call.path, ids), **(options | body))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_call_gives_what_it_names(service: Service, ids: dict[str, str], call: Call) -> None:
    """Each call answers with its status and at least the fields that are named, with a trace id."""
    if call.name == "POST /api/logout":
        ids = ids | {"token": service.client().log_in().json()["token"]}
    if call.name == "POST /api/resume":
        # Of a login's resume codes the last alone is good.
        ids = ids | {"resume": make_owner(service, ids).post("/api/resume_code").json()["code"]}
    client = make_owner(service, ids) if call.needs_login else service.client()
    response = send(client, call, ids, headers={"x-trace-id": "walked-1"})
    assert response.headers["x-trace-id"] == "walked-1"
    assert response.status_code == call.status, response.text
    assert (call.status == 204) == (response.content == b"")
    if call.fields:
        document = response.json()
        assert call.fields <= set(document[0] if isinstance(document, list) else document)


@pytest.mark.parametrize("call", TESTERS, ids=lambda call: call.name)
def test_call_of_testers_is_401_without_a_login(service: Service, ids: dict[str, str], call: Call) -> None:
    """Without a login, and with a token that has ended, whatever is sent."""
    assert read_code(send(service.client(), call, ids)) == (401, "not_logged_in")
    client = service.client()
    token = client.log_in().json()["token"]
    client.post("/api/logout")
    ended = service.client(headers={"authorization": f"Bearer {token}"})
    assert read_code(send(ended, call, ids)) == (401, "not_logged_in")


@pytest.mark.parametrize("call", OF_A_THREAD, ids=lambda call: call.name)
def test_foreign_thread_is_404(service: Service, ids: dict[str, str], call: Call) -> None:
    """Another tester's thread is not forbidden but unknown, like one that never was."""
    for thread in (ids["thread"], NOWHERE, "not-an-id"):
        assert read_code(send(service.tester(), call, ids | {"thread": thread})) == (404, "unknown_thread")


@pytest.mark.parametrize("call", OF_AN_ANSWER, ids=lambda call: call.name)
def test_foreign_answer_is_404(service: Service, ids: dict[str, str], call: Call) -> None:
    """Another tester's answer, one that never was, and a question in the place of an answer."""
    stranger, owner = service.tester(), make_owner(service, ids)
    for client, answer in ((stranger, ids["answer"]), (owner, NOWHERE), (owner, ids["question"])):
        assert read_code(send(client, call, ids | {"answer": answer})) == (404, "unknown_message")


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.name)
@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b'{"x": "\xff"}', "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"null", "application/json", 400, "invalid_request"),
        (b"{}", "text/plain", 415, "not_json"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "not_json"),
        (b" " * 65537, "application/json", 413, "body_too_large"),
    ],
)
def test_wrong_bodies_are_refused(
    service: Service, ids: dict[str, str], call: Call, content: bytes, kind: str, status: int, code: str
) -> None:
    """What is no JSON object, is too large, or says that it is something else is refused in the call's own form."""
    client = make_owner(service, ids)
    response = send(client, call, ids, content=content, headers={"content-type": kind})
    if content == b"null" and call.name == "POST /api/start_chat":
        # The one call that needs no body takes an empty one for none.
        assert response.status_code == 201
        return
    assert read_code(response) == (status, code)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_other_methods_are_405(service: Service, ids: dict[str, str], call: Call) -> None:
    """A path that is there with another method says which are allowed."""
    other = "DELETE"
    response = make_owner(service, ids).request(other, fill(call.path, ids))
    assert read_code(response) == (405, "method_not_allowed")
    assert call.method in response.headers["allow"]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("/api/login", {"password": "wrong"}, 401, "wrong_password"),
        ("/api/resume", {"code": "0000-0000"}, 401, "wrong_password"),
        ("/api/chat", {"thread_id": "{thread}", "message": " \u200b\n"}, 400, "empty_message"),
        ("/api/chat", {"thread_id": "{thread}", "message": "a" * 2001}, 400, "message_too_long"),
        ("/api/chat", {"thread_id": "{thread}"}, 400, "invalid_request"),
        ("/api/start_chat", {"assistant": "nobody"}, 404, "unknown_assistant"),
        ("/api/feedback", {"message_id": "{answer}", "value": 2}, 400, "invalid_request"),
        ("/api/thread/{thread}/rating", {"value": 9}, 400, "invalid_request"),
        ("/api/nothing", {}, 404, "not_found"),
    ],
)
def test_wrong_values_have_their_code(
    service: Service, ids: dict[str, str], name: str, body: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal of the table has its status and code; one of the length names length and limit."""
    response = make_owner(service, ids).post(fill(name, ids), json=fill(body, ids))
    assert read_code(response) == (status, code)
    if code == "message_too_long":
        assert (response.json()["error"]["length"], response.json()["error"]["limit"]) == (2001, 2000)


def test_repeated_key_needs_the_same_body(service: Service, ids: dict[str, str]) -> None:
    """`Idempotency-Key`: the same body gives the same answer, another is 422."""
    client = make_owner(service, ids)
    first, again = (client.ask(ids["thread"], **{"idempotency-key": "k1"}).json() for _ in range(2))
    assert first["message_id"] == again["message_id"]
    other = client.ask(ids["thread"], UNANSWERABLE, **{"idempotency-key": "k1"})
    assert read_code(other) == (422, "idempotency_mismatch")


def test_foreign_origin_is_403(service: Service, ids: dict[str, str]) -> None:
    """A page of another origin changes nothing."""
    response = make_owner(service, ids).post("/api/start_chat", headers={"origin": "https://evil.example"})
    assert read_code(response) == (403, "origin_not_allowed")
