"""The office's questions at a million messages, to the published log and to the same rows in SQLite and PostgreSQL.

The log is asked as the office asks it, through `analytics`, each call opening the file. SQLite and PostgreSQL hold the
log's own rows, folded text and all, under indexes for these questions, and keep a connection open. All give the same
rows; the best of five runs counts. At ten million messages the log is asked alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.row_stores import (
    THREADS_SQL,
    UNANSWERED_SQL,
    USAGE_SQL,
    WITH_TEXT,
    PostgreSQLCopy,
    RowStore,
    SQLiteCopy,
)
from chatbot.analytics import Analytics, ThreadFilter
from chatbot.log import schema, views
from chatbot.log.sample import write_sample_file
from tests.postgres_server import PostgresServer

MESSAGES = 1_000_000
DAYS = 365
TIMES = 10
RUNS = 5
# Looked for without accents and capitals; in some of the messages.
NEEDLE = "Mémoire"
FOLDED = "memoire"
MEMORY = "6GB"


@dataclass(frozen=True, slots=True)
class Question:
    """What the office asks: of the log, and of the others in SQL; both give how many rows, or what identifies them."""

    name: str
    ask_log: Callable[[Analytics, datetime, datetime], list[Any]]
    write_sql: Callable[[RowStore], str]
    read_rows: Callable[[list[tuple[Any, ...]]], list[Any]]


def count_usage(log: Analytics, start: datetime, end: datetime) -> list[Any]:
    """Add up the usage of all hours, column by column."""
    usage = log.usage_per_hour(start, end)
    return [int(usage[name].sum()) for name in usage.columns[1:]]


def list_threads(log: Analytics, filter: ThreadFilter) -> list[Any]:
    """Give how many threads there are, and the ids on the first page."""
    page = log.list_threads(filter)
    return [page.total, *page.rows["thread_id"]]


QUESTIONS = (
    Question(
        "usage per hour of all days",
        count_usage,
        lambda _: USAGE_SQL,
        lambda rows: [sum(row[column] for row in rows) for column in range(1, 7)],
    ),
    Question(
        "page of threads",
        lambda log, start, end: list_threads(log, ThreadFilter(start, end)),
        lambda _: THREADS_SQL.format(which="t.created_at > 0"),
        lambda rows: [rows[0][-1], *(row[0] for row in rows)],
    ),
    Question(
        "page of threads with a word",
        lambda log, start, end: list_threads(log, ThreadFilter(start, end, search=NEEDLE)),
        lambda store: THREADS_SQL.format(which=WITH_TEXT.format(contains=store.find_text(FOLDED))),
        lambda rows: [rows[0][-1], *(row[0] for row in rows)],
    ),
    Question(
        "last unanswered questions",
        lambda log, start, end: [str(row) for row in log.list_unanswered(start, end)["message_id"]],
        lambda _: UNANSWERED_SQL,
        lambda rows: [row[0] for row in rows],
    ),
)


def measure() -> list[dict[str, object]]:
    """Give one row per question; milliseconds, and how many times those of the log."""
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer(shared_buffers="1GB", work_mem="256MB") as server,
    ):
        log = Path(folder) / "log.duckdb"
        write_sample_file(log, messages=MESSAGES, days=DAYS, seed=1, now=datetime.now(UTC))
        return compare(log, Path(folder), server.create_database())


def compare(log: Path, folder: Path, url: str) -> list[dict[str, object]]:
    """Ask the log, its rows in both other engines, and the log ten times as large."""
    end = datetime.now(UTC) + timedelta(days=1)
    start = end - timedelta(days=DAYS + 2)
    analytics = Analytics(log)
    found: dict[str, dict[str, object]] = {}
    answers: dict[str, list[Any]] = {}
    best: dict[str, float] = {}
    for question in QUESTIONS:
        best[question.name], answers[question.name] = _time(partial(question.ask_log, analytics, start, end))
        found[question.name] = {"question": question.name, "log ms": f"{best[question.name]:.0f}"}
    for store in (SQLiteCopy(log, folder / "rows.db"), PostgreSQLCopy(log, url)):
        with closing(store):
            _ask_rows(store, found, answers, best)
    large = folder / "large.duckdb"
    multiply_log(log, large)
    analytics, start = Analytics(large), end - timedelta(days=TIMES * (DAYS + 2))
    for question in QUESTIONS:
        longest, _ = _time(partial(question.ask_log, analytics, start, end))
        found[question.name][f"log x{TIMES} ms"] = f"{longest:.0f}"
    return list(found.values())


def multiply_log(log: Path, target: Path) -> None:
    """Write a log of ten times the threads, over ten times the days, the oldest first as they would have come."""
    with duckdb.connect(":memory:", config={"memory_limit": MEMORY}) as both:
        both.execute(f"ATTACH {schema.quote(str(log))} AS one (READ_ONLY)")
        both.execute(
            f"ATTACH {schema.quote(str(target))} AS many (STORAGE_VERSION '{schema.STORAGE_VERSION}')"
        )
        both.execute("USE many")
        for statement in (*schema.build_statements(), *views.build_statements()):
            both.execute(statement)
        for age in reversed(range(TIMES)):
            for table in schema.TABLES:
                changed = ", ".join(_age(column.name, age) for column in table.columns if _is_aged(column))
                rows = (
                    f"SELECT * REPLACE ({changed}) FROM one.{table.name}"
                    if changed
                    else f"FROM one.{table.name}"
                )
                both.execute(f"INSERT INTO {table.name} {rows}")
        both.execute("INSERT INTO log_info FROM one.log_info")
        both.execute("CHECKPOINT many")


def _is_aged(column: schema.Column) -> bool:
    return column.type in ("UUID", "TIMESTAMPTZ")


def _age(name: str, age: int) -> str:
    if name.endswith("_id"):
        return f'CAST(md5(concat("{name}", {age})) AS UUID) AS "{name}"' if age else f'"{name}" AS "{name}"'
    return f'"{name}" - INTERVAL {age * DAYS} DAY AS "{name}"'


def _ask_rows(
    store: RowStore,
    found: Mapping[str, dict[str, object]],
    answers: Mapping[str, list[Any]],
    best: Mapping[str, float],
) -> None:
    for question in QUESTIONS:
        sql = question.write_sql(store)
        took, rows = _time(partial(store.ask, sql))
        assert question.read_rows(rows) == answers[question.name], f"{store.name}: {question.name}"
        found[question.name][f"{store.name} ms"] = f"{took:.0f} ({took / best[question.name]:.1f}x)"


def _time(ask: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    """Ask some times; give the best milliseconds and the answer."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        answer = ask()
        best = min(best, (time.perf_counter() - started) * 1000)
    return best, answer
