"""Log lines carry the names that log collectors know, trace ids follow what is done, metrics have their names."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from chatbot.telemetry import (
    Metrics,
    bind_trace,
    choose_trace_id,
    configure_logging,
    current_trace_id,
    log_event,
)

logger = logging.getLogger("chatbot.test")


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Leave the root logger to the next test as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    # Else `force` would close the handlers of pytest itself.
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Give the JSON lines that were written."""
    return [json.loads(line) for line in capsys.readouterr().err.split("\n") if line]


def test_line_has_ecs_names(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is one JSON object with time, level, message, logger and the fields given."""
    configure_logging("INFO", "json", None)
    log_event(logger, "Answer complete", event__duration=12, http__request__method="GET", error__type=None)
    (line,) = read_lines(capsys)
    assert datetime.fromisoformat(str(line.pop("@timestamp"))).utcoffset() is not None
    assert line == {
        "log.level": "info",
        "message": "Answer complete",
        "log.logger": "chatbot.test",
        "event.duration": 12,
        "http.request.method": "GET",
    }


def test_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A newline in what is logged does not make a second line."""
    configure_logging("INFO", "json", None)
    logger.warning("one\ntwo\r%s", "three\u2028")
    (line,) = read_lines(capsys)
    assert str(line["message"]).startswith("one\ntwo")


def test_trace_id_is_on_every_line_of_its_block(capsys: pytest.CaptureFixture[str]) -> None:
    """What is done under a trace carries its id, and what comes after does not."""
    configure_logging("INFO", "json", None)
    with bind_trace("abc"):
        with bind_trace("inner"):
            logger.info("in")
        logger.info("out")
    logger.info("after")
    assert [line.get("trace.id") for line in read_lines(capsys)] == ["inner", "abc", None]
    assert current_trace_id() == ""


def test_traceback_is_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception is told by its type and its trace, within the line."""
    configure_logging("INFO", "json", None)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("It failed")
    (line,) = read_lines(capsys)
    assert line["error.type"] == "ValueError"
    assert "broken" in str(line["error.stack_trace"])


@pytest.mark.parametrize("offered", ["abc-DEF_1", "a" * 64])
def test_well_formed_trace_id_is_taken(offered: str) -> None:
    """A client's own trace id is kept."""
    assert choose_trace_id(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "a" * 65, "a b", "a\nb", "a\n", "é", "<b>"])
def test_other_trace_id_is_replaced(offered: str | None) -> None:
    """What could break a line or a page is never taken as a trace id."""
    chosen = choose_trace_id(offered)
    assert chosen != offered
    assert chosen.isalnum()


def test_text_for_a_terminal_shows_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal a line is readable, with its fields at the end."""
    configure_logging("INFO", "text", None)
    log_event(logger, "Answer complete", event__duration=12)
    assert "INFO    Answer complete  duration=12" in capsys.readouterr().err


def test_file_gets_json_beside_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`LOG_FILE` gets JSON lines whatever the format; its folder is made."""
    path = tmp_path / "logs" / "guichet.log"
    configure_logging("INFO", "text", path)
    logger.info("Hello")
    assert json.loads(path.read_text(encoding="utf-8"))["message"] == "Hello"
    assert "Hello" in capsys.readouterr().err


def test_level_is_heeded_and_noisy_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines below the level are not written, nor libraries' lines on every request."""
    configure_logging("WARNING", "json", None)
    logger.info("quiet")
    logging.getLogger("httpx").info("GET https://example.org?key=secret")
    assert read_lines(capsys) == []


def test_metrics_have_the_names_of_the_contract() -> None:
    """Names and labels are what dashboards rely on."""
    metrics = Metrics()
    metrics.http_requests.labels("GET", "/api/chat", "200").inc()
    metrics.http_seconds.labels("/api/chat").observe(0.1)
    metrics.answers.labels("support", "complete").inc()
    metrics.model_errors.labels("provider", "provider_error").inc()
    metrics.tokens.labels("prompt").inc(3)
    metrics.publications.labels("published").inc()
    metrics.log_rows.labels("messages").set(5)
    text = generate_latest(metrics.registry).decode()
    for sample in (
        'guichet_http_requests_total{method="GET",route="/api/chat",status="200"} 1.0',
        'guichet_http_request_seconds_count{route="/api/chat"} 1.0',
        "guichet_first_token_seconds_count 0.0",
        "guichet_answer_seconds_count 0.0",
        'guichet_answers_total{assistant="support",status="complete"} 1.0',
        'guichet_model_errors_total{code="provider_error",origin="provider"} 1.0',
        'guichet_tokens_total{kind="prompt"} 3.0',
        "guichet_streams_active 0.0",
        "guichet_published_age_seconds",
        'guichet_publications_total{result="published"} 1.0',
        'guichet_log_rows{table="messages"} 5.0',
    ):
        assert sample in text


def test_two_services_have_metrics_of_their_own() -> None:
    """Two services in one process, as in tests, do not share counters."""
    one, other = Metrics(), Metrics()
    one.tokens.labels("prompt").inc()
    assert "guichet_tokens_total{" not in generate_latest(other.registry).decode()
