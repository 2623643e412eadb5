"""The published log's rows in SQLite and in PostgreSQL: the same questions, put to databases that store by rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg

TABLES = ("threads", "messages", "passages_used", "requests")
CHUNK_ROWS = 20_000
TYPES = {
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "TIMESTAMP WITH TIME ZONE": "bigint",
    "DOUBLE": "double precision",
}
INDEXES = (
    "CREATE UNIQUE INDEX by_thread_id ON threads (thread_id)",
    "CREATE UNIQUE INDEX by_message_id ON messages (message_id)",
    "CREATE UNIQUE INDEX by_position ON messages (thread_id, position)",
    "CREATE INDEX by_time ON messages (created_at)",
    "CREATE INDEX by_status ON messages (status, created_at)",
    "CREATE UNIQUE INDEX by_rank ON passages_used (message_id, rank)",
    "CREATE UNIQUE INDEX by_request ON requests (message_id)",
)

USAGE_SQL = """
SELECT m.created_at / 3600000000, count(DISTINCT m.thread_id), count(*) FILTER (WHERE m.origin = 'user'),
    count(*) FILTER (WHERE m.origin = 'bot'), count(*) FILTER (WHERE m.status = 'refused'),
    count(*) FILTER (WHERE m.status = 'failed'), count(DISTINCT t.tester) FILTER (WHERE m.origin = 'user')
FROM messages AS m JOIN threads AS t ON t.thread_id = m.thread_id
GROUP BY 1 ORDER BY 1
"""

# {which} is a condition on the thread, {total} counts what passes it.
THREADS_SQL = """
SELECT t.thread_id, max(m.created_at), count(*) FILTER (WHERE m.origin = 'user'),
    count(*) FILTER (WHERE m.origin = 'bot'), count(*) FILTER (WHERE m.status = 'refused'),
    count(*) FILTER (WHERE m.status = 'failed'), max(CASE WHEN m.position = 0 THEN m.content END),
    count(*) OVER ()
FROM threads AS t JOIN messages AS m ON m.thread_id = t.thread_id
WHERE {which}
GROUP BY t.thread_id
ORDER BY max(m.created_at) DESC, t.thread_id LIMIT 50
"""
WITH_TEXT = "t.thread_id IN (SELECT thread_id FROM messages WHERE {contains})"

UNANSWERED_SQL = """
SELECT a.message_id, a.thread_id, q.created_at, q.content, a.content, t.assistant, t.tester, t.language,
    p.source, p.heading, r.created_at
FROM messages AS a
JOIN messages AS q ON q.thread_id = a.thread_id AND q.position = a.position - 1
JOIN threads AS t ON t.thread_id = a.thread_id
LEFT JOIN passages_used AS p ON p.message_id = a.message_id AND p.rank = 1
LEFT JOIN requests AS r ON r.message_id = a.message_id
WHERE a.origin = 'bot' AND a.status = 'refused'
ORDER BY q.created_at DESC, a.message_id LIMIT 100
"""

Rows = list[tuple[Any, ...]]


class RowStore(Protocol):
    """A database filled from a published log."""

    name: str

    def ask(self, sql: str) -> Rows: ...

    def find_text(self, needle: str) -> str:
        """Give the condition that a message's folded text holds a text."""

    def close(self) -> None: ...


class SQLiteCopy:
    """The log's rows in an SQLite file."""

    name = "SQLite"

    def __init__(self, log: Path, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA journal_mode=OFF")
        for table, columns, chunks in read_tables(log):
            self._connection.execute(declare(table, columns))
            marks = ", ".join("?" for _ in columns)
            for chunk in chunks:
                self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", chunk)
        for statement in (*INDEXES, "ANALYZE"):
            self._connection.execute(statement)
        self._connection.commit()

    def ask(self, sql: str) -> Rows:
        """Run a query to its end."""
        return self._connection.execute(sql).fetchall()

    def find_text(self, needle: str) -> str:
        """Give the condition that a message's folded text holds a text."""
        return f"instr(search_text, '{needle}') > 0"

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class PostgreSQLCopy:
    """The log's rows in a PostgreSQL database."""

    name = "PostgreSQL"

    def __init__(self, log: Path, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        for table, columns, chunks in read_tables(log):
            self._connection.execute(declare(table, columns))
            with self._connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for chunk in chunks:
                    for row in chunk:
                        copy.write_row(row)
        for statement in (*INDEXES, "VACUUM ANALYZE"):
            self._connection.execute(statement)

    def ask(self, sql: str) -> Rows:
        """Run a query to its end."""
        return self._connection.execute(sql).fetchall()

    def find_text(self, needle: str) -> str:
        """Give the condition that a message's folded text holds a text."""
        return f"strpos(search_text, '{needle}') > 0"

    def close(self) -> None:
        """Let go of the server."""
        self._connection.close()


def declare(table: str, columns: dict[str, str]) -> str:
    """Give the statement that makes a table."""
    body = ", ".join(f'"{name}" {TYPES.get(kind, "text")}' for name, kind in columns.items())
    return f"CREATE TABLE {table} ({body})"


def read_tables(log: Path) -> Iterator[tuple[str, dict[str, str], Iterator[Sequence[Any]]]]:
    """Read the tables that the questions touch: name, types by column, rows by the chunk; moments in microseconds."""
    with duckdb.connect(str(log), read_only=True) as source:
        for table in TABLES:
            described = source.execute(f"DESCRIBE {table}").fetchall()
            columns = {str(row[0]): str(row[1]) for row in described}
            casts = ", ".join(_cast(name, kind) for name, kind in columns.items())
            yield table, columns, _read_chunks(source.execute(f"SELECT {casts} FROM {table}"))


def _cast(name: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f'epoch_us("{name}")'
    return f'"{name}"' if kind in TYPES else f'CAST("{name}" AS VARCHAR)'


def _read_chunks(result: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    while chunk := result.fetchmany(CHUNK_ROWS):
        yield chunk
