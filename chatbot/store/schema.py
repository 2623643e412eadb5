"""The operational tables, as SQLAlchemy Core; `migrations/` builds them, a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Give an aware datetime as microseconds since 1970 in UTC."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Give microseconds since 1970 as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=micros)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970 in UTC: exact, sortable, the same in every engine."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


metadata = MetaData()


def _change() -> Column[int]:
    """Number the change that wrote the row: what the publisher has not seen yet lies above its mark."""
    return Column("change", BigInteger, nullable=False, index=True)


meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

threads = Table(
    "threads",
    metadata,
    Column("thread_id", String(36), primary_key=True),
    Column("assistant", String(80), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("tester", String(120), nullable=False, index=True),
    Column("code_label", String(80)),
    Column("wave", String(80)),
    Column("language", String(10)),
    Column("created_at", Instant, nullable=False),
    Column("notice_version", String(16)),
    _change(),
    Column("notice_accepted_at", Instant),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("thread_id", String(36), ForeignKey("threads.thread_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("origin", String(4), nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("status", String(12), nullable=False),
    Column("error_origin", String(10)),
    Column("error_code", String(40)),
    Column("model", String(120)),
    Column("assistant_version", Integer),
    Column("index_version", String(40)),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),
    Column("first_token_ms", Integer),
    Column("total_ms", Integer),
    Column("trace_id", String(64)),
    Column("is_cut", Boolean, nullable=False, default=False),
    _change(),
    Column("parameters", Text),
    Column("searched_for", Text),
    Column("model_calls", Integer),
    Column("retries", Integer),
    Column("limits_hit", String(120)),
    Column("is_personal", Boolean),
    UniqueConstraint("thread_id", "position", name="uq_messages_thread_position"),
)

passages_used = Table(
    "passages_used",
    metadata,
    Column("message_id", String(36), ForeignKey("messages.message_id"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("score", Float, nullable=False),
    Column("source", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("anchor", Text, nullable=False),
    Column("snippet", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("cited", Boolean, nullable=False),
    _change(),
)

feedback_events = Table(
    "feedback_events",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("message_id", String(36), ForeignKey("messages.message_id"), nullable=False, index=True),
    Column("value", Integer, nullable=False),
    Column("reason", Text),
    Column("comment", Text),
    Column("created_at", Instant, nullable=False),
    _change(),
)

requests = Table(
    "requests",
    metadata,
    Column("message_id", String(36), ForeignKey("messages.message_id"), primary_key=True),
    Column("created_at", Instant, nullable=False),
    _change(),
)

ratings = Table(
    "ratings",
    metadata,
    Column("thread_id", String(36), ForeignKey("threads.thread_id"), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("comment", Text),
    Column("created_at", Instant, nullable=False),
    _change(),
)

thread_forms = Table(
    "thread_forms",
    metadata,
    Column("thread_id", String(36), ForeignKey("threads.thread_id"), primary_key=True),
    Column("field", String(80), primary_key=True),
    Column("value", Text, nullable=False),
    _change(),
    Column("type", String(12)),
)

generated_files = Table(
    "generated_files",
    metadata,
    Column("file_id", String(36), primary_key=True),
    Column("message_id", String(36), ForeignKey("messages.message_id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("format", String(8), nullable=False),
    Column("template", String(80)),
    Column("template_version", Integer),
    Column("bytes", Integer, nullable=False),
    Column("is_edited", Boolean, nullable=False),
    _change(),
)

assistant_versions = Table(
    "assistant_versions",
    metadata,
    Column("assistant", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("author", String(120), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("published_at", Instant),
    _change(),
    Column("note", Text),
)

# One per assistant; `revision` counts its saves, so that the second of two who edit at once is told.
assistant_drafts = Table(
    "assistant_drafts",
    metadata,
    Column("assistant", String(80), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("base_version", Integer),
    Column("revision", Integer, nullable=False),
    Column("author", String(120), nullable=False),
    Column("note", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# Of the team where `owner` is empty, else of a tester; `tags` with line feeds between.
story_prompts = Table(
    "story_prompts",
    metadata,
    Column("prompt_id", String(36), primary_key=True),
    Column("owner", String(120), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(10)),
    Column("tags", Text, nullable=False),
    Column("is_draft", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", String(120), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

office_templates = Table(
    "office_templates",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", String(4), nullable=False),
    Column("filename", String(200), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("fields", Text, nullable=False),
    Column("author", String(120), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("published_at", Instant),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", String(36), primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    _change(),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("tombstone_id", String(36), primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("rows_deleted", Integer, nullable=False),
    _change(),
)

turns = Table(
    "turns",
    metadata,
    Column("thread_id", String(36), ForeignKey("threads.thread_id"), primary_key=True),
    Column("message_id", String(36), nullable=False, unique=True),
    Column("user_message_id", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    Column("owner", String(80), nullable=False, index=True),
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("login_id", String(36), primary_key=True),
    Column("tester", String(120), nullable=False, unique=True),
    Column("code_label", String(80)),
    Column("wave", String(80)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("notice_version", String(16)),
    Column("notice_accepted_at", Instant),
    Column("code_id", String(36)),
)

codes = Table(
    "codes",
    metadata,
    Column("code_id", String(36), primary_key=True),
    Column("label", String(80), nullable=False, unique=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("wave", String(80)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False),
    Column("revoked_at", Instant),
)

resume_codes = Table(
    "resume_codes",
    metadata,
    Column("login_id", String(36), primary_key=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("expires_at", Instant, nullable=False),
)

tester_numbers = Table(
    "tester_numbers",
    metadata,
    Column("label", String(80), primary_key=True),
    Column("last", Integer, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tester", String(120), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("created_at", Instant, nullable=False),
)

limit_counters = Table(
    "limit_counters",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("username", String(80), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("valid_from", Instant, nullable=False),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("expires_at", Instant, nullable=False),
)

# In PostgreSQL each connection's last transaction that was committed, by a number of its own count.
receipts = Table(
    "receipts",
    metadata,
    Column("receipt_id", String(36), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("written_at", Instant, nullable=False),
)

Index("ix_messages_created_at", messages.c.created_at)

# In this order a row never comes before the row it refers to.
PUBLISHED = (
    threads,
    messages,
    passages_used,
    feedback_events,
    requests,
    ratings,
    thread_forms,
    generated_files,
    assistant_versions,
    audit,
)
