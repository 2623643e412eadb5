"""Erasure and retention in the store: rows go for good, an audit entry without their content and a tombstone stay.

The tombstone's change number tells the publisher that no file published before may be continued.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, or_, select, update

from chatbot.errors import StoreUnavailable, UnknownThread
from chatbot.store import threads as threads_store
from chatbot.store.changes import take_change
from chatbot.store.place import connect
from chatbot.store.schema import (
    audit,
    feedback_events,
    generated_files,
    idempotency_keys,
    limit_counters,
    logins,
    messages,
    passages_used,
    ratings,
    requests,
    resume_codes,
    story_prompts,
    thread_forms,
    threads,
    tombstones,
    turns,
)

if TYPE_CHECKING:
    from chatbot.store.engine import Store

# A transaction of more would keep the testers' messages waiting.
THREADS_AT_ONCE = 200
SCRUB_TIMEOUT_S = 30.0
SCRUB_PAUSE_S = 0.1

# Children first; each by the column that ties it to a message or to a thread.
TIED_TO_MESSAGES = (passages_used, feedback_events, requests, idempotency_keys, generated_files)
TIED_TO_THREADS = (turns, ratings, thread_forms, messages, threads)


@dataclass(frozen=True, slots=True)
class Erasure:
    """How much was erased: threads, their messages, and rows of all tables together."""

    threads: int = 0
    messages: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """Who erases what, as the audit will say it; one order may take many transactions and is one entry."""

    actor: str
    action: str
    target: str
    order_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def fingerprint_tester(label: str) -> str:
    """Name a tester in the audit so that who knows the label recognizes it, and nobody can read it from there."""
    return f"tester {hashlib.sha256(label.encode()).hexdigest()[:12]}"


def list_tester_threads(connection: Connection, label: str) -> list[str]:
    """Give the ids of a tester's threads."""
    statement = select(threads.c.thread_id).where(threads.c.tester == label)
    return list(connection.execute(statement).scalars())


def list_old_threads(
    connection: Connection, before: datetime, among: Sequence[str] | None = None
) -> list[str]:
    """Give the ids of the threads in which nothing was written since a moment and no answer is being written."""
    last_at = func.coalesce(
        func.max(messages.c.created_at), threads.c.created_at, type_=messages.c.created_at.type
    )
    statement = (
        select(threads.c.thread_id)
        .outerjoin(messages, messages.c.thread_id == threads.c.thread_id)
        .where(threads.c.thread_id.not_in(select(turns.c.thread_id)))
        .group_by(threads.c.thread_id)
        .having(last_at < before)
    )
    if among is not None:
        statement = statement.where(threads.c.thread_id.in_(among))
    return list(connection.execute(statement).scalars())


def erase_thread(connection: Connection, thread_id: str, order: Order, now: datetime) -> Erasure:
    """Erase one thread.

    Raises:
        UnknownThread: there is none of this id.
    """
    if (
        connection.execute(select(threads.c.thread_id).where(threads.c.thread_id == thread_id)).first()
        is None
    ):
        raise UnknownThread(f"There is no thread {thread_id}. Look its id up in the list of threads.")
    return erase_threads(connection, [thread_id], Erasure(), order, now)


def erase_threads(
    connection: Connection, thread_ids: Sequence[str], before: Erasure, order: Order, now: datetime
) -> Erasure:
    """Erase threads and all that hangs on them.

    Args:
        before: what the order has erased in earlier transactions.

    Returns:
        What the order has erased in all.
    """
    threads_store.lock_threads(connection, thread_ids)
    message_ids = select(messages.c.message_id).where(messages.c.thread_id.in_(thread_ids))
    rows = sum(_delete(connection, table, table.c.message_id.in_(message_ids)) for table in TIED_TO_MESSAGES)
    deleted = {
        table.name: _delete(connection, table, table.c.thread_id.in_(thread_ids)) for table in TIED_TO_THREADS
    }
    erasure = Erasure(
        before.threads + deleted["threads"],
        before.messages + deleted["messages"],
        before.rows + rows + sum(deleted.values()),
    )
    if erasure != before:
        # Else another process was quicker: its entry stands.
        _record(connection, erasure, order, now)
    return erasure


def erase_tester_traces(
    connection: Connection, label: str, before: Erasure, order: Order, now: datetime
) -> Erasure:
    """Erase what else is kept of a tester: logins, keys, counters, prompts; in the audit he becomes a fingerprint."""
    his = select(logins.c.login_id).where(logins.c.tester == label)
    rows = _delete(connection, resume_codes, resume_codes.c.login_id.in_(his))
    rows += _delete(connection, logins, logins.c.tester == label)
    rows += _delete(connection, idempotency_keys, idempotency_keys.c.tester == label)
    rows += _delete(connection, story_prompts, story_prompts.c.owner == label)
    is_his = or_(limit_counters.c.key == label, limit_counters.c.key.contains(f"/{label}/", autoescape=True))
    rows += _delete(connection, limit_counters, is_his)
    for column in (audit.c.actor, audit.c.target):
        values = {column.name: fingerprint_tester(label), "change": take_change(connection)}
        rows += connection.execute(update(audit).where(column == label).values(values)).rowcount
    erasure = Erasure(before.threads, before.messages, before.rows + rows)
    if erasure.rows:
        _record(connection, erasure, order, now)
    return erasure


def drop_old_logins(connection: Connection, before: datetime) -> int:
    """Erase the logins that ran out before a moment, and the keys of requests made before it."""
    rows = _delete(connection, logins, logins.c.expires_at < before)
    return rows + _delete(connection, idempotency_keys, idempotency_keys.c.created_at < before)


def scrub(store: Store) -> None:
    """Make the bytes of deleted rows go from the store's files.

    The database overwrites what it deletes (`secure_delete`), but its journal keeps the pages as they were until it is
    emptied; that has to wait for readers. PostgreSQL overwrites them when it needs their place: `VACUUM` gives it.

    Raises:
        StoreUnavailable: a reader held the journal for half a minute.
    """
    if store.is_shared:
        store.vacuum()
        return
    deadline = time.monotonic() + SCRUB_TIMEOUT_S
    connection = connect(store.path)
    connection.execute("PRAGMA busy_timeout = 1000")
    try:
        while _is_journal_held(connection):
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"The rows are erased, but {store.path.name}-wal is in use and still holds their bytes. "
                    "Run the command again."
                )
            time.sleep(SCRUB_PAUSE_S)
    finally:
        connection.close()


def _is_journal_held(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return True
        raise StoreUnavailable(f"The store's journal cannot be emptied: {error}.") from error


def _delete(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(connection.execute(delete(table).where(condition)).rowcount)


def _record(connection: Connection, erasure: Erasure, order: Order, now: datetime) -> None:
    """Write the order's one tombstone and one audit entry anew, each under a new change."""
    change = take_change(connection)
    entries: tuple[tuple[Table, str, dict[str, Any]], ...] = (
        (tombstones, "tombstone_id", {"reason": order.action, "rows_deleted": erasure.rows}),
        (
            audit,
            "audit_id",
            {
                "actor": order.actor,
                "action": order.action,
                "target": order.target,
                "detail": f"{erasure.threads} threads, {erasure.messages} messages",
            },
        ),
    )
    for table, key, values in entries:
        _delete(connection, table, table.c[key] == order.order_id)
        connection.execute(
            insert(table).values({key: order.order_id, "created_at": now, "change": change, **values})
        )
