"""A plausible synthetic log: for trying the office, for tests of size, for benchmarks."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from chatbot.errors import UsageError
from chatbot.log.publisher import publish_file
from chatbot.log.sample_rows import Batch, generate_batches
from chatbot.log.sample_texts import ASSISTANT_DEFINITION
from chatbot.store import schema
from chatbot.store.changes import take_change
from chatbot.store.engine import Store
from chatbot.store.logins import raise_tester_number

MOST_MESSAGES = 20_000_000


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """How many rows were written."""

    threads: int
    messages: int
    passages_used: int
    feedback_events: int


def write_sample(store: Store, *, messages: int, days: int, seed: int, now: datetime) -> SampleCounts:
    """Fill an empty store with a synthetic log that ends at `now`.

    Args:
        messages: questions and answers together; an odd one is a question whose answer is being awaited.
        seed: the same seed, numbers and `now` give the same rows.

    Raises:
        UsageError: the store has threads, or a number is out of range.
    """
    _check_numbers(messages, days)
    store.write(_prepare, now - timedelta(days=days))
    counts = {"threads": 0, "messages": 0, "passages_used": 0, "feedback_events": 0}
    for batch in generate_batches(messages, days, seed, now):
        store.write(_write_batch, batch)
        for name in counts:
            counts[name] += len(getattr(batch, name))
    store.write(_reserve_testers)
    return SampleCounts(**counts)


def write_sample_file(
    path: Path, *, messages: int, days: int, seed: int, now: datetime, timezone: str = "UTC"
) -> SampleCounts:
    """Write a synthetic log as one published file, a plain one.

    Raises:
        UsageError: a number is out of range.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sample-", dir=path.parent) as folder:
        store = Store(Path(folder) / "store" / "sample.db")
        try:
            counts = write_sample(store, messages=messages, days=days, seed=seed, now=now)
            publish_file(store, path, timezone=timezone)
        finally:
            store.close()
    return counts


def _check_numbers(messages: int, days: int) -> None:
    if not 1 <= messages <= MOST_MESSAGES:
        raise UsageError(f"--messages {messages}: allowed is a number from 1 to {MOST_MESSAGES}.")
    if not 1 <= days <= 3650:
        raise UsageError(f"--days {days}: allowed is a number from 1 to 3650.")


def _prepare(connection: Connection, created_at: datetime) -> None:
    found = connection.execute(select(func.count()).select_from(schema.threads)).scalar_one()
    if found:
        raise UsageError(
            f"The store has {found} threads: a sample is only written into an empty one. Set DATA_DIR to a new folder."
        )
    if connection.execute(select(func.count()).select_from(schema.logins)).scalar_one():
        raise UsageError(
            "Testers have logged in to this store: a sample would be taken for theirs. Set DATA_DIR to a new folder."
        )
    versions = schema.assistant_versions
    is_there = select(versions.c.version).where(versions.c.assistant == "support", versions.c.version == 1)
    if connection.execute(is_there).first() is None:
        connection.execute(
            insert(versions).values(
                assistant="support",
                version=1,
                definition=ASSISTANT_DEFINITION,
                author="sample",
                created_at=created_at,
                published_at=created_at,
                change=take_change(connection),
            )
        )


def _reserve_testers(connection: Connection) -> None:
    """Let the next logins have numbers of their own: who bears a sample's label would see its threads."""
    for label in connection.execute(select(schema.threads.c.tester).distinct()).scalars().all():
        name, _, number = label.rpartition("-")
        raise_tester_number(connection, name, int(number))


def _write_batch(connection: Connection, batch: Batch) -> None:
    change = take_change(connection)
    for name in Batch.__slots__:
        rows = getattr(batch, name)
        if rows:
            _insert_rows(connection, schema.metadata.tables[name], rows, change)


def _insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]], change: int) -> None:
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in (*names, "change"))
    marks = ", ".join(f":{name}" for name in names)
    statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks}, {change:d})"  # noqa: S608
    connection.execute(text(statement), rows)
