"""The published tables and views are what the contract says, and explain themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from chatbot.log import schema, views
from chatbot.log.generations import Generations
from chatbot.log.publisher import Publisher
from chatbot.store.changes import read_store_id
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
    "thread_forms": "thread_id field value type",
    "generated_files": "file_id message_id created_at format template template_version bytes is_edited",
    "assistant_versions": "assistant version definition author created_at published_at note",
    "audit": "created_at actor action target detail",
    "log_info": "schema_version generation published_at timezone mark",
    "usage_per_hour": "hour threads user_messages bot_messages refused failed testers",
    "thread_summary": "thread_id title assistant channel tester created_at last_at user_messages bot_messages "
    "refused failed status",
    "unanswered_questions": "",
    "daily_costs": "",
    "message_details": "message_id thread_id created_at origin status model assistant channel tester",
    "answers": "message_id question answer status model cost_usd passages limits_hit",
    "passage_usage": "source heading found cited",
}
TIMESTAMPS = {
    "created_at",
    "last_at",
    "published_at",
    "hour",
    "asked_at",
    "requested_at",
    "notice_accepted_at",
    "answered_at",
    "last_cited_at",
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
            assert (kind == "UUID") == (
                column in {"thread_id", "message_id", "event_id", "audit_id", "file_id"}
            )


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


def test_comments_say_what_null_means_and_name_units() -> None:
    """A column that may be null says when, in tables and in the views that show it; money and sizes name their unit."""
    columns = [
        (table.name, column) for table in (*schema.TABLES, schema.LOG_INFO) for column in table.columns
    ]
    silent = [
        f"{table}.{column.name}"
        for table, column in columns
        if column.is_null and not re.search("(?i)null", column.comment)
    ]
    assert silent == []
    units = {"_ms": "Milliseconds", "_usd": "US dollars", "bytes": "bytes", "characters": "code points"}
    for ending, unit in units.items():
        named = [column for _, column in columns if column.name.endswith(ending)]
        assert named and all(unit in column.comment for column in named), ending
    for view in views.VIEWS:
        for name, comment in view.columns.items():
            is_nullable = all(column.is_null for _, column in columns if column.name == name)
            known = any(column.name == name for _, column in columns)
            # What is added up, or given a value, is never null.
            if known and is_nullable and view.name != "daily_costs" and name != "is_personal":
                assert re.search("(?i)null", comment), f"{view.name}.{name}"


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


def test_letter_that_was_declined_is_no_gap_in_the_documents(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """What a writer declines is refused like any other, and not among the unanswered questions."""
    thread_id = write_conversation(store, clock(), "Complaint")
    write_turn(
        store, thread_id, clock(), "A threat", "I decline.", position=2, status="refused", is_personal=True
    )
    publisher.publish()
    assert read_log(log_path, "SELECT count(*) FROM unanswered_questions") == [(0,)]
    assert read_log(log_path, "SELECT sum(refused) FROM usage_per_hour") == [(1,)]
    assert read_log(log_path, "SELECT status FROM thread_summary") == [("refused",)]
    details = read_log(log_path, "SELECT is_personal FROM message_details WHERE status = 'refused'")
    assert details == [(True,)]


OLDER = sorted((Path(__file__).parent / "older").glob("*.sql"))


def test_every_earlier_version_is_kept() -> None:
    """A new schema leaves its predecessor's file here, so that the next test opens it."""
    assert [int(path.stem) for path in OLDER] == list(range(1, schema.SCHEMA_VERSION))


@pytest.mark.parametrize("script", OLDER, ids=lambda path: f"version {path.stem}")
def test_log_of_an_earlier_version_is_built_anew(
    script: Path, store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A generation of an older schema is not continued: all rows come from the store, under a higher number."""
    write_conversation(store, clock())
    publisher.publish()
    generations = Generations(data_dir)
    generations.prepare()
    building = generations.choose_building()
    with duckdb.connect(":memory:") as log:
        log.execute(f"ATTACH '{building}' AS log (STORAGE_VERSION '{schema.STORAGE_VERSION}')")
        log.execute("USE log")
        for statement in script.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                log.execute(statement)
        log.execute("UPDATE log_info SET store_id = ?", [store.read(read_store_id)])
        log.execute("USE memory")
        log.execute("DETACH log")
    generations.install(building, 7, clock(), erasure=("", 0))
    assert read_log(log_path, "SELECT schema_version FROM log_info") == [(int(script.stem),)]
    other = Publisher(store, data_dir, timezone="Europe/Paris", interval_s=1, clock=clock)
    publication = other.publish()
    other.close()
    assert (publication.is_rebuild, publication.generation) == (True, 8)
    assert read_log(log_path, "SELECT schema_version, messages_rows FROM log_info") == [
        (schema.SCHEMA_VERSION, 2)
    ]


# Nights on which clocks change, in UTC, and zones of half hours and of none.
NIGHTS = {
    "Europe/Paris": datetime(2025, 10, 25, 22, 10, tzinfo=UTC),
    "America/New_York": datetime(2025, 3, 9, 5, 10, tzinfo=UTC),
    "America/St_Johns": datetime(2025, 11, 2, 1, 40, tzinfo=UTC),
    "Asia/Kolkata": datetime(2025, 6, 1, 17, 10, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2025, 4, 5, 13, 10, tzinfo=UTC),
}


@pytest.mark.parametrize("timezone", NIGHTS)
def test_every_view_is_the_same_on_a_night_of_changing_clocks(
    store: Store, publisher: Publisher, log_path: Path, timezone: str
) -> None:
    """Every value of every view, times as instants, is what a session in UTC reads."""
    for hours in range(6):
        moment = NIGHTS[timezone] + timedelta(hours=hours)
        thread_id = write_conversation(
            store, moment, status="refused" if hours % 2 else "complete", cost_usd=0.5
        )
        answer = write_turn(store, thread_id, moment + timedelta(minutes=1), position=2)
        store.write(add_feedback, Feedback(answer, 1, None, None, moment + timedelta(minutes=2)))
    publisher.publish()
    for view in views.VIEWS:
        here, there = (read_instants(log_path, view.name, zone) for zone in (timezone, "UTC"))
        assert here == there != [], view.name
    assert read_log(log_path, "SELECT count(*), sum(user_messages) FROM usage_per_hour", timezone) == [
        (6, 12)
    ]


def read_instants(path: Path, view: str, timezone: str) -> list[str]:
    """Read a view's rows in a session's zone, times as UTC."""
    rows = read_log(path, f"SELECT * FROM {view}", timezone)
    return sorted(
        str([value.astimezone(UTC) if isinstance(value, datetime) else value for value in row])
        for row in rows
    )


def test_answers_explain_themselves(store: Store, publisher: Publisher, log_path: Path, clock: Clock) -> None:
    """One row has question, passages with rank and score, version, model, tokens, cost, times, limits and verdict."""
    thread_id = write_thread(store, clock(), channel="widget")
    answer = write_turn(
        store, thread_id, clock(), searched_for="How do I brew tea?", parameters='{"passages": 6}', model_calls=2,
        retries=0, limits_hit="prompt_budget", cost_usd=0.25, assistant_version=3, index_version="abc",
    )  # fmt: skip
    write_turn(store, thread_id, clock(), "And?", "", position=2, status="failed", error_origin="provider")
    store.write(add_feedback, Feedback(answer, -1, None, None, clock()))
    publisher.publish()
    explained, failed = read_log(
        log_path,
        "SELECT question, searched_for, passages_found, passages_cited, passages[1].rank, passages[1].score, "
        "passages[1].cited, assistant_version, index_version, model, parameters, model_calls, retries, "
        "prompt_tokens + completion_tokens, cost_usd, first_token_ms, total_ms, channel, limits_hit, error_origin, "
        "status, verdict FROM answers ORDER BY asked_at, question DESC",
    )
    assert explained == (
        "How do I brew?", "How do I brew tea?", 1, 1, 1, 3.5, True, 3, "abc", "offline", '{"passages": 6}', 2, 0, 14,
        0.25, 100, 900, "widget", "prompt_budget", None, "complete", -1,
    )  # fmt: skip
    assert failed[0] == "And?" and failed[-3:] == ("provider", "failed", None)


def test_passage_usage_counts_what_was_found_and_cited(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A section's row adds up answers that cite it, verdicts on them, and refusals it was nearest to."""
    thread_id = write_thread(store, clock())
    answer = write_turn(store, thread_id, clock())
    write_turn(store, thread_id, clock(), position=2, status="refused")
    store.write(add_feedback, Feedback(answer, 1, None, None, clock()))
    publisher.publish()
    rows = read_log(log_path, "SELECT * EXCLUDE (last_cited_at) FROM passage_usage")
    assert rows == [(PASSAGE.source, PASSAGE.heading, 2, 2, 1, 1, 0)]
