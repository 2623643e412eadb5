"""The published tables and views are what the contract says, and explain themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from chatbot.log import schema, views
from chatbot.log.publisher import Publisher
from chatbot.store.engine import Store
from chatbot.store.records import Feedback
from chatbot.store.schema import PUBLISHED
from chatbot.store.threads import add_feedback
from tests.chatbot.log.rows import PASSAGE, read_log, write_conversation, write_thread, write_turn
from tests.conftest import Clock

CONTRACT = {
    "threads": "thread_id assistant channel tester code_label wave language created_at",
    "messages": "message_id thread_id position origin content created_at status error_origin error_code model "
    "assistant_version index_version prompt_tokens completion_tokens cost_usd first_token_ms total_ms trace_id "
    "search_text",
    "passages_used": "message_id rank score source heading snippet number cited",
    "feedback": "message_id value reason comment created_at",
    "feedback_events": "message_id value reason comment created_at",
    "requests": "message_id created_at",
    "ratings": "thread_id value comment",
    "thread_forms": "thread_id field value",
    "assistant_versions": "assistant version definition author created_at published_at",
    "audit": "created_at actor action target detail",
    "log_info": "schema_version generation published_at timezone mark",
    "usage_per_hour": "hour threads user_messages bot_messages refused failed testers",
    "thread_summary": "thread_id title assistant channel tester created_at last_at user_messages bot_messages "
    "refused failed status",
    "unanswered_questions": "",
    "daily_costs": "",
}
TIMESTAMPS = {
    "created_at",
    "last_at",
    "published_at",
    "hour",
    "asked_at",
    "requested_at",
    "notice_accepted_at",
}

NIGHT = datetime(2025, 10, 26, 0, 10, tzinfo=UTC)


def test_tables_and_views_have_the_columns_of_the_contract(publisher: Publisher, log_path: Path) -> None:
    """Every table and view of CONTRACT is there with its columns, from the first publication on."""
    publisher.publish()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in read_log(
        log_path, "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    ):
        found.setdefault(table, {})[column] = kind
    assert set(found) == set(CONTRACT)
    for table, columns in CONTRACT.items():
        assert set(columns.split()) <= set(found[table]), table
        for column, kind in found[table].items():
            assert (kind == "TIMESTAMP WITH TIME ZONE") == (column in TIMESTAMPS), f"{table}.{column}"
            assert (kind == "UUID") == (column in {"thread_id", "message_id", "event_id", "audit_id"})


def test_everything_has_a_comment(publisher: Publisher, log_path: Path) -> None:
    """Tables, views and all their columns say what they are, in sentences."""
    publisher.publish()
    comments = read_log(
        log_path,
        """
        SELECT table_name, comment FROM duckdb_tables() WHERE NOT internal
        UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal
        UNION ALL SELECT table_name || '.' || column_name, comment FROM duckdb_columns() WHERE NOT internal
        """,
    )
    assert len(comments) > 100
    assert [name for name, comment in comments if not comment or not re.search(r"[.;]$", comment)] == []


def test_every_published_table_of_the_store_is_a_table_of_the_log() -> None:
    """The log has the store's published tables, in an order in which references hold, and their columns."""
    assert [table.name for table in schema.TABLES] == [table.name for table in PUBLISHED]
    for log_table, store_table in zip(schema.TABLES, PUBLISHED, strict=True):
        stored = {column.name for column in store_table.columns}
        assert stored - {column.name for column in log_table.columns} == {"change"}
        assert log_table.keys == tuple(column.name for column in store_table.primary_key.columns)


def test_file_has_the_oldest_storage_format(
    publisher: Publisher, store: Store, log_path: Path, clock: Clock
) -> None:
    """DuckDB 1.4 can read a generation, also after it was continued by a newer version."""
    publisher.publish()
    write_conversation(store, clock())
    assert not publisher.publish().is_rebuild
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{log_path.resolve()}' AS log (READ_ONLY)")
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'log'"
        ).fetchall()
    assert tags[0][0]["storage_version"].startswith("v1.4.0")


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Paris", "Asia/Kolkata"])
def test_views_are_equal_under_any_session_time_zone(
    store: Store, publisher: Publisher, log_path: Path, timezone: str
) -> None:
    """On the night when clocks go back in Paris, every hour stays itself in every session."""
    for hours in range(4):
        write_conversation(store, NIGHT + timedelta(hours=hours), status="refused", cost_usd=0.5)
    publisher.publish()
    hours = read_log(
        log_path, "SELECT epoch(hour)::BIGINT, user_messages FROM usage_per_hour ORDER BY hour", timezone
    )
    first = int(NIGHT.replace(minute=0).timestamp())
    assert hours == [(first + 3600 * number, 1) for number in range(4)]
    days = read_log(log_path, "SELECT CAST(day AS VARCHAR), answers, cost_usd FROM daily_costs", timezone)
    assert days == [("2025-10-26", 4, 2.0)]
    for view in views.VIEWS:
        here = read_log(log_path, f"SELECT hash(v) FROM {view.name} AS v ORDER BY ALL", timezone)
        assert here == read_log(log_path, f"SELECT hash(v) FROM {view.name} AS v ORDER BY ALL", "UTC")


def test_usage_counts_what_was_written_in_an_hour(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A thread and its tester count in every hour in which they write."""
    thread_id = write_conversation(store, clock(), status="refused")
    write_turn(store, thread_id, clock() + timedelta(hours=1), position=2, status="failed")
    other = write_thread(store, clock(), tester="alpha-2")
    write_turn(store, other, clock() + timedelta(hours=1))
    publisher.publish()
    rows = read_log(log_path, "SELECT * EXCLUDE (hour) FROM usage_per_hour ORDER BY hour")
    assert rows == [(1, 1, 1, 1, 0, 1), (2, 2, 2, 0, 1, 2)]


def test_summary_names_a_thread_by_its_first_question_and_its_worst_answer(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """The status is the worst that befell an answer, `open` while there is none."""
    write_thread(store, clock(), tester="nobody")
    for worse, better in (("failed", "interrupted"), ("refused", "stopped"), ("stopped", "complete")):
        thread_id = write_conversation(store, clock(), f"Why {worse}?", status=worse)
        write_turn(store, thread_id, clock() + timedelta(minutes=5), "And now?", position=2, status=better)
    publisher.publish()
    rows = read_log(
        log_path,
        "SELECT status, title, user_messages, bot_messages, refused, failed, epoch(last_at - created_at) "
        "FROM thread_summary ORDER BY status",
    )
    assert rows == [
        ("failed", "Why failed?", 2, 2, 0, 1, 301),
        ("open", "", 0, 0, 0, 0, 0),
        ("refused", "Why refused?", 2, 2, 1, 0, 301),
        ("stopped", "Why stopped?", 2, 2, 0, 0, 301),
    ]


def test_feedback_is_the_last_verdict(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A second verdict replaces the first; both stay among the events."""
    answer = write_turn(store, write_thread(store, clock()), clock())
    store.write(add_feedback, Feedback(answer, -1, "wrong", "No.", clock()))
    publisher.publish()
    store.write(add_feedback, Feedback(answer, 1, None, "Yes.", clock() + timedelta(seconds=9)))
    publisher.publish()
    assert read_log(log_path, "SELECT value, reason, comment FROM feedback") == [(1, None, "Yes.")]
    assert read_log(log_path, "SELECT count(*) FROM feedback_events") == [(2,)]


def test_unanswered_questions_are_the_refused_ones(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A refused answer gives its own question and the nearest section."""
    thread_id = write_conversation(store, clock(), "Where is the tap?")
    write_turn(store, thread_id, clock(), "Do you sell coffee?", "No.", position=2, status="refused")
    publisher.publish()
    rows = read_log(
        log_path, "SELECT question, answer, nearest_source, requested_at FROM unanswered_questions"
    )
    assert rows == [("Do you sell coffee?", "No.", PASSAGE.source, None)]
