"""Logins over HTTP: beta codes, another device, the notice's click, and the lines that watchers read."""

from __future__ import annotations

import json
import logging
import re

import pytest

from apps.chat.services import COOKIE
from chatbot.codes import Codes
from chatbot.telemetry import JsonFormatter
from tests.apps.chat.conftest import PASSWORD, Client, Serve, Service, read_code
from tests.conftest import Clock

FORM = {"content-type": "application/x-www-form-urlencoded"}


def read_thread(service: Service, thread_id: str) -> dict[str, object]:
    """Give a thread's row."""
    query = "SELECT * FROM threads WHERE thread_id = ?"
    row = service.services.store.read(
        lambda connection: connection.exec_driver_sql(query, (thread_id,)).mappings().one()
    )
    return dict(row)


# Codes


def test_code_lets_in_and_marks_the_threads(serve: Serve) -> None:
    """A tester of a code is named for it, and his threads carry label and wave."""
    service = serve()
    _, secret = Codes(service.services.store, "anne").add("spring", wave="wave 1")
    client = service.client()
    response = client.log_in(secret)
    assert response.json()["tester"] == "spring-1"
    row = read_thread(service, client.start_chat())
    assert (row["tester"], row["code_label"], row["wave"]) == ("spring-1", "spring", "wave 1")


def test_revoked_code_ends_logins_at_once(serve: Serve) -> None:
    """The next call of a tester whose code was revoked is 401, by cookie and by bearer; nobody else notices."""
    service = serve()
    codes = Codes(service.services.store, "anne")
    _, secret = codes.add("spring")
    client, neighbour = service.client(), service.tester()
    token = client.log_in(secret).json()["token"]
    assert client.get("/api/threads").status_code == 200
    codes.revoke("spring")
    assert read_code(client.get("/api/threads")) == (401, "not_logged_in")
    bearer = service.client(headers={"authorization": f"Bearer {token}"})
    assert read_code(bearer.get("/api/threads")) == (401, "not_logged_in")
    assert read_code(service.client().log_in(secret)) == (401, "wrong_password")
    assert neighbour.get("/api/threads").status_code == 200


def test_codes_alone_keep_the_door(serve: Serve) -> None:
    """Without a shared password the first code closes an open house while it runs, and lets in by itself."""
    service = serve(beta_password=None)
    assert service.client().post("/api/start_chat").status_code == 201
    _, secret = Codes(service.services.store, "anne").add("spring")
    client = service.client()
    assert read_code(client.post("/api/start_chat")) == (401, "not_logged_in")
    assert read_code(client.log_in("anything")) == (401, "wrong_password")
    assert client.log_in(secret).status_code == 200
    assert client.post("/api/start_chat").json()["token"] is None


def test_login_page_takes_codes(serve: Serve) -> None:
    """A beta code and a resume code go into the field of the password."""
    service = serve()
    _, secret = Codes(service.services.store, "anne").add("spring")
    tester = service.tester()
    resume = tester.post("/api/resume_code").json()["code"]
    for typed in (secret, resume):
        client = service.client()
        response = client.post("/login", content=f"password={typed}", headers=FORM)
        assert (response.status_code, response.headers["location"]) == (303, "/")
        assert client.get("/api/threads").status_code == 200


# Another device


def test_resume_code_carries_the_conversation(service: Service) -> None:
    """On another device the code gives the same tester, with cookie and token, and his threads."""
    first, second = service.tester(), service.client()
    thread = first.start_chat()
    made = first.post("/api/resume_code")
    assert made.status_code == 200
    assert set(made.json()) == {"code", "expires_at"}
    response = second.post("/api/resume", json={"code": made.json()["code"].lower()})
    assert response.status_code == 200
    assert set(response.json()) == set(service.client().log_in().json())
    assert f"{COOKIE}=" in response.headers["set-cookie"]
    assert [entry["thread_id"] for entry in second.get("/api/threads").json()] == [thread]
    assert read_code(second.post("/api/resume", json={"code": made.json()["code"]})) == (
        401,
        "wrong_password",
    )


def test_resume_code_ends_after_ten_minutes(serve: Serve, clock: Clock) -> None:
    """A code that is older is refused."""
    service = serve(clock=clock)
    code = service.tester().post("/api/resume_code").json()["code"]
    clock.advance(minutes=10)
    assert read_code(service.client().post("/api/resume", json={"code": code})) == (401, "wrong_password")


def test_guesses_are_held_back(serve: Serve) -> None:
    """Ten wrong codes from one address, at whichever call, and it waits; the answer says for how long."""
    client = serve().client()
    for number in range(5):
        assert read_code(client.post("/api/resume", json={"code": f"0000-000{number}"}))[0] == 401
        assert read_code(client.log_in(f"guess {number}"))[0] == 401
    for response in (client.post("/api/resume", json={"code": "0000-0000"}), client.log_in()):
        assert read_code(response) == (429, "rate_limited")
        assert 0 < int(response.headers["retry-after"]) <= 300
        assert (
            "The limit of 10 wrong passwords or codes in 5 minutes is reached. Wait "
            in response.json()["error"]["message"]
        )
    form = {"content-type": "application/x-www-form-urlencoded"}
    page = client.post("/login", content="password=guess", headers=form)
    assert (page.status_code, 0 < int(page.headers["retry-after"]) <= 300) == (429, True)


# The notice


def test_click_on_the_notice_is_recorded(service: Service) -> None:
    """The version agreed to stands with the login and its threads, with the moment of the click; again is no fault."""
    client = service.client()
    notice = client.log_in().json()["privacy_notice"]
    assert notice["accepted"] is False
    thread = client.post("/api/start_chat", json={"channel": "widget"}).json()["thread_id"]
    assert read_thread(service, thread)["notice_version"] is None
    for _ in range(2):
        assert client.post("/api/accept_notice", json={"version": notice["version"]}).status_code == 204
    row = read_thread(service, thread)
    assert row["notice_version"] == notice["version"] and row["notice_accepted_at"]
    later = client.post("/api/start_chat", json={"channel": "widget"}).json()
    assert later["privacy_notice"]["accepted"] is True
    assert read_thread(service, later["thread_id"])["notice_version"] == notice["version"]


def test_no_call_is_refused_for_the_notice(tester: Client, service: Service) -> None:
    """A direct client accepts by sending: its thread is held under the version in force, without a click."""
    body = tester.post("/api/start_chat").json()
    assert tester.ask(body["thread_id"]).status_code == 200
    row = read_thread(service, body["thread_id"])
    assert row["notice_version"] == body["privacy_notice"]["version"]
    assert row["notice_accepted_at"] is None


def test_notice_of_another_version_is_not_accepted(tester: Client) -> None:
    """Nobody agrees to what is not in force."""
    response = tester.post("/api/accept_notice", json={"version": "0123456789ab"})
    assert read_code(response) == (400, "invalid_request")


def test_new_notice_asks_again(serve: Serve) -> None:
    """A notice with another text has another version, and has not been agreed to."""
    service = serve(privacy_notice="We read what you write.")
    first = service.client().log_in().json()["privacy_notice"]
    assert first["html"].strip() == "<p>We read what you write.</p>"
    assert first["version"] != serve().client().log_in().json()["privacy_notice"]["version"]


# Lines for watchers


def test_refusals_are_lines_for_watchers(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Wrong passwords, foreign origins and hosts and reached limits are ECS lines with address and trace, no secret."""
    service = serve(public_url="https://ask.example.org", rate_limit="1/minute")
    client = service.client()
    with caplog.at_level(logging.INFO):
        token = client.log_in().json()["token"]
        wrong = client.log_in("a guess of mine")
        client.post("/api/start_chat", headers={"origin": "https://evil.example"})
        client.get("/health/live", headers={"host": "evil.example"})
        thread = client.start_chat()
        client.ask(thread)
        assert client.ask(thread).status_code == 429
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    events = {line["event.action"]: line for line in lines if "event.action" in line}
    assert {"login-refused", "origin-refused", "host-refused", "rate-limited"} <= set(events)
    for action in ("login-refused", "origin-refused", "host-refused"):
        assert events[action]["source.ip"] == "127.0.0.1"
        assert events[action]["event.outcome"] == "failure"
        assert events[action]["log.level"] == "warning"
    assert events["host-refused"]["url.domain"] == "evil.example"
    written = json.dumps(lines)
    assert wrong.headers["x-trace-id"]
    for secret in (PASSWORD, "a guess of mine", token):
        assert secret not in written
    assert not re.search(r"guichet=\S", written)
