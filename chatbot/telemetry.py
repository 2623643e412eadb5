"""Log lines (Elastic Common Schema names), trace ids and Prometheus metrics."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

TRACE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
FILE_MAX_BYTES = 20_000_000
FILE_COUNT = 5
# Extra fields a call may give by `extra={"http": …}`; ECS names, dots and all.
FIELDS_ATTRIBUTE = "fields"

_trace_id: ContextVar[str] = ContextVar("trace_id", default="")


def current_trace_id() -> str:
    """Give the trace id of what is being done, empty outside of any."""
    return _trace_id.get()


def choose_trace_id(offered: str | None) -> str:
    """Take the trace id that was offered if it is well-formed, else make a new one."""
    if offered and TRACE_ID.fullmatch(offered):
        return offered
    return secrets.token_hex(8)


@contextmanager
def bind_trace(trace_id: str) -> Iterator[None]:
    """Put a trace id on every log line of the block."""
    token = _trace_id.set(trace_id)
    try:
        yield
    finally:
        _trace_id.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "log.logger": record.name,
        }
        if trace := current_trace_id():
            line["trace.id"] = trace
        line |= getattr(record, FIELDS_ATTRIBUTE, {})
        if record.exc_info and record.exc_info[0]:
            line["error.type"] = record.exc_info[0].__name__
            line["error.stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """One readable line for a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, FIELDS_ATTRIBUTE, {})
        tail = "".join(f"  {name.rsplit('.', 1)[-1]}={value}" for name, value in fields.items())
        return super().format(record) + tail


def configure_logging(level: str, format_name: str, file: Path | None) -> None:
    """Send log lines to stderr, and to a rotating file when one is named.

    Args:
        level: name of the lowest level that is written.
        format_name: `text`, `json`, or empty for text on a terminal and JSON elsewhere.
        file: JSON lines whatever the format; kept to 5 files of 20 MB.
    """
    stream = logging.StreamHandler(sys.stderr)
    is_text = format_name == "text" or (not format_name and sys.stderr.isatty())
    stream.setFormatter(TextFormatter() if is_text else JsonFormatter())
    handlers: list[logging.Handler] = [stream]
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        rotating = RotatingFileHandler(
            file, maxBytes=FILE_MAX_BYTES, backupCount=FILE_COUNT, encoding="utf-8"
        )
        rotating.setFormatter(JsonFormatter())
        handlers.append(rotating)
    logging.basicConfig(level=level, handlers=handlers, force=True)
    # These speak of every request at INFO, with addresses and queries in full.
    for noisy in ("httpx", "httpcore", "openai", "uvicorn.access", "alembic", "watchdog", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_event(logger: logging.Logger, message: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Write a line with fields; a double underscore in a name stands for the dot of ECS (`event__duration`)."""
    named = {name.replace("__", "."): value for name, value in fields.items() if value is not None}
    logger.log(level, message, extra={FIELDS_ATTRIBUTE: named})


def log_security(logger: logging.Logger, message: str, action: str, /, **fields: Any) -> None:
    """Write a line about a refusal that whoever watches over the house wants to see; never with a secret.

    Args:
        action: what was refused, as `event.action`.
    """
    kind = {"event__kind": "event", "event__category": "authentication", "event__outcome": "failure"}
    log_event(logger, message, level=logging.WARNING, event__action=action, **kind, **fields)


class Metrics:
    """The metrics of one service, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http_requests = self._counter(
            "guichet_http_requests", "HTTP requests.", "method", "route", "status"
        )
        self.http_seconds = self._histogram("guichet_http_request_seconds", "Time of HTTP requests.", "route")
        self.first_token_seconds = self._histogram(
            "guichet_first_token_seconds", "Time to an answer's first token."
        )
        self.answer_seconds = self._histogram("guichet_answer_seconds", "Time to an answer's end.")
        self.answers = self._counter("guichet_answers", "Answers.", "assistant", "status")
        self.model_errors = self._counter("guichet_model_errors", "Failed answers.", "origin", "code")
        self.tokens = self._counter("guichet_tokens", "Tokens.", "kind")
        self.streams_active = self._gauge("guichet_streams_active", "Answers being written.")
        self.published_age = self._gauge("guichet_published_age_seconds", "Age of the published log.")
        self.publications = self._counter("guichet_publications", "Publications of the log.", "result")
        self.log_rows = self._gauge("guichet_log_rows", "Rows of the published log.", "table")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
