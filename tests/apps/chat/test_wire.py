"""The wire's shapes: what comes in is cleaned and checked, what goes out holds what the contract names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from apps.chat.bodies import ChatBody, FeedbackBody
from apps.chat.services import choose_language
from apps.chat.wire import (
    STATUS_OF_CODE,
    describe_error,
    state_error,
    state_event,
    state_message,
)
from chatbot import errors
from chatbot.access import Session
from chatbot.errors import GuichetError, MessageTooLong, ProviderError, RequestError, SessionFull
from chatbot.events import Failed, Html, Reply, Sources, Started, Token
from chatbot.settings import Settings
from chatbot.store.records import Message, PassageUsed, Status
from tests.conftest import MakeSettings

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
SESSION = Session(True, 10, 9, 8, NOW)
# Codes of commands and start, which no HTTP answer carries; and the one for all that nobody foresaw.
NOT_ON_THE_WIRE = {
    *("settings_invalid", "usage", "code_invalid", "tunnel_unavailable"),
    *("log_unavailable", "report_failed", "broken_template", "internal_error"),
}
# CONTRACT.md's table.
CONTRACT = {
    400: {"invalid_json", "invalid_request", "empty_message", "message_too_long"},
    401: {"not_logged_in", "wrong_password"},
    403: {"session_expired", "session_full", "origin_not_allowed"},
    404: {"unknown_thread", "unknown_message", "unknown_assistant", "not_found"},
    405: {"method_not_allowed"},
    409: {"busy"},
    413: {"body_too_large"},
    415: {"not_json"},
    422: {"idempotency_mismatch"},
    429: {"rate_limited"},
    502: {"provider_error", "provider_rejected", "provider_unavailable"},
    503: {"store_unavailable", "starting", "too_busy"},
    504: {"provider_timeout"},
    507: {"storage_full"},
}


def make_passage(number: int, *, cited: bool = False, heading: str = "Ports") -> PassageUsed:
    """Give a passage."""
    return PassageUsed(number, 1.5, "en/settings.md", heading, "4180", number, cited, "ports")


def make_message(status: Status = "complete", **values: Any) -> Message:
    """Give an answer with two passages, the second cited."""
    passages = (make_passage(1), make_passage(2, cited=True))
    return Message("m", "t", 1, "bot", "Port 4180. [2]", NOW, status, passages=passages, **values)


def list_classes(base: type[GuichetError]) -> list[type[GuichetError]]:
    """Give a class of errors and all below it."""
    return [base, *(found for child in base.__subclasses__() for found in list_classes(child))]


@pytest.mark.parametrize(("status", "codes"), CONTRACT.items())
def test_codes_have_the_contracts_status(status: int, codes: set[str]) -> None:
    """Each code of the contract has its status."""
    assert {STATUS_OF_CODE[code] for code in codes} == {status}


def test_every_error_has_a_status() -> None:
    """An error class whose code has no status would be a 500: each is on the wire, or named as one that is not."""
    ours = [kind for kind in list_classes(GuichetError) if kind.__module__ == errors.__name__]
    assert {kind.code for kind in ours} - set(STATUS_OF_CODE) == NOT_ON_THE_WIRE


def test_origins_are_those_of_the_tree() -> None:
    """Errors of the request are the tester's, those of the model the provider's, all others the service's."""
    for kind in list_classes(GuichetError):
        expected = (
            "tester"
            if issubclass(kind, RequestError)
            else "provider"
            if issubclass(kind, ProviderError)
            else "service"
        )
        assert kind.origin == expected, kind


def test_error_form_has_code_message_and_trace() -> None:
    """An error is one object with code, message, trace id, and what the class adds."""
    details = describe_error(MessageTooLong(2001, 2000))
    assert state_error("message_too_long", "Too long.", "abc", **details) == {
        "error": {
            "code": "message_too_long",
            "message": "Too long.",
            "trace_id": "abc",
            "limit": 2000,
            "length": 2001,
        }
    }
    assert describe_error(SessionFull("full", "MAX_MESSAGES")) == {"limit": "MAX_MESSAGES"}
    assert describe_error(GuichetError("x")) == {}


def test_text_that_comes_in_is_cleaned() -> None:
    """NUL and lone surrogates go, accents are composed; nothing else changes."""
    body = ChatBody(thread_id="t\x00", message=" e\u0301\ud800\x00\u200b ")
    assert (body.thread_id, body.message) == ("t", " é\u200b ")


@pytest.mark.parametrize("value", [True, False, 0, 2, -2, "1", 1.5, None])
def test_verdict_is_1_or_minus_1(value: Any) -> None:
    """Nothing but the two whole numbers is a verdict, `true` least of all."""
    with pytest.raises(ValidationError):
        FeedbackBody(message_id="m", value=value)


def test_long_comment_is_refused() -> None:
    """A comment has at most 2,000 characters."""
    assert FeedbackBody(message_id="m", value=1, comment="x" * 2000).comment
    with pytest.raises(ValidationError):
        FeedbackBody(message_id="m", value=1, comment="x" * 2001)


def test_events_have_the_contracts_names_and_data() -> None:
    """Each event of a turn has its name on the wire and exactly the data named in the contract."""
    reply = Reply("m", "t", "complete", "4180 [1]", "<p>4180</p>", (make_passage(1),), (), SESSION)
    citation = {
        "number": 1,
        "source": "en/settings.md",
        "heading": "Ports",
        "snippet": "4180",
        "snippet_html": "<p>4180</p>\n",
    }
    assert state_event(Started("m", "u")) == ("start", {"message_id": "m", "user_message_id": "u"})
    assert state_event(Sources((make_passage(1),))) == ("sources", {"citations": [citation]})
    assert state_event(Token("a")) == ("token", {"text": "a"})
    assert state_event(Html("<p>a</p>")) == ("html", {"html": "<p>a</p>"})
    name, data = state_event(reply)
    assert name == "done"
    assert data["citations"] == [citation]
    assert data["session"]["expires_at"] == "2025-03-01T12:00:00Z"
    failed = Failed("m", "provider_error", "Broke off.", "provider", "trace", "half")
    error = {"code": "provider_error", "message": "Broke off.", "trace_id": "trace"}
    assert state_event(failed) == ("error", {"error": error})


def test_stored_answer_gives_what_it_cites() -> None:
    """Citations are the passages cited; nearest ones belong to refusals alone."""
    complete = state_message(make_message())
    assert [citation.number for citation in complete.citations] == [2]
    assert complete.nearest == []
    refused = state_message(make_message("refused"))
    assert [citation.number for citation in refused.nearest] == [1]


def test_testers_text_is_never_markup() -> None:
    """A tester's text is plain text: neither Markdown nor HTML of it is interpreted."""
    text = '**x** <img src=x onerror=alert(1)>\n[1] & "q"'
    message = Message("m", "t", 0, "user", text, NOW)
    html = state_message(message).html
    assert "<img" not in html
    assert "<strong>" not in html
    assert html.count("<") == html.count("<br>") == 1


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de,fr;q=0.3", "fr"),
        ("en;q=0.2, fr;q=0.7", "fr"),
        ("fr;q=abc", "en"),
        ("*", "en"),
    ],
)
def test_language_is_the_readers(settings: Settings, header: str, language: str) -> None:
    """The language that the browser prefers of the two, English where it says neither."""
    assert choose_language(settings, header) == language


def test_language_setting_wins(make_settings: MakeSettings) -> None:
    """LANGUAGE other than auto is everyone's."""
    assert choose_language(make_settings(language="fr"), "en") == "fr"
