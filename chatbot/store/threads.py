"""Threads, messages and the passages behind them.

Writing: `lock_thread`, `lock_threads`, `add_thread`, `add_message`, `add_feedback`. Reading: the rest.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select

from chatbot.errors import UnknownMessage, UnknownThread
from chatbot.store.changes import take_change
from chatbot.store.records import Feedback, Message, PassageUsed, Thread, Transcript
from chatbot.store.schema import feedback_events, messages, passages_used, threads

if TYPE_CHECKING:
    from chatbot.store.engine import Store

READ_AT_ONCE = 50

# Built once: made anew for every message, the statements took longer than the database.
_INSERT_MESSAGE, _INSERT_PASSAGES = insert(messages), insert(passages_used)
_MESSAGE_FIELDS = tuple(field.name for field in fields(Message) if field.name != "passages")
_PASSAGE_FIELDS = tuple(field.name for field in fields(PassageUsed))
_IS_USER = messages.c.origin == "user"
_MEASURE_USE = select(
    func.min(messages.c.created_at).filter(_IS_USER),
    func.count().filter(_IS_USER),
    func.coalesce(func.sum(func.length(messages.c.content)), 0),
    func.coalesce(func.max(messages.c.position), -1),
).where(messages.c.thread_id == bindparam("thread_id"))
_READ_THREAD = select(*(threads.c[field.name] for field in fields(Thread))).where(
    threads.c.thread_id == bindparam("thread_id")
)
# In SQLite one transaction writes at a time anyway, and the lock is left out.
_LOCK_THREAD = _READ_THREAD.with_for_update()


@dataclass(frozen=True, slots=True)
class ThreadUse:
    """What a thread has used of its session; characters are of both sides, the last position of none is -1."""

    first_message_at: datetime | None
    user_messages: int
    characters: int
    last_position: int = -1

    def with_question(self, text: str, now: datetime) -> ThreadUse:
        """Give what is used once a question was added at a moment."""
        return ThreadUse(
            self.first_message_at or now,
            self.user_messages + 1,
            self.characters + len(text),
            self.last_position + 1,
        )


@dataclass(frozen=True, slots=True)
class ThreadHead:
    """A thread in a list: what it was first asked, and when it was last written to."""

    thread: Thread
    title: str
    last_at: datetime
    messages: int


def add_thread(
    connection: Connection,
    thread: Thread,
    notice_version: str | None = None,
    notice_accepted_at: datetime | None = None,
) -> None:
    """Record a new thread.

    Args:
        notice_version: of the privacy notice it is held under.
        notice_accepted_at: when that was agreed to by a click; None where sending a message is the agreement.
    """
    row = {field.name: getattr(thread, field.name) for field in fields(Thread)}
    notice = {"notice_version": notice_version, "notice_accepted_at": notice_accepted_at}
    connection.execute(insert(threads).values(**row, **notice, change=take_change(connection)))


def lock_threads(connection: Connection, thread_ids: Sequence[str]) -> None:
    """Keep threads from being written to by others until the transaction ends; in their order, so that none deadlock.

    In SQLite one transaction writes at a time anyway.
    """
    if connection.dialect.name != "sqlite":
        statement = select(threads.c.thread_id).where(threads.c.thread_id.in_(thread_ids))
        connection.execute(statement.order_by(threads.c.thread_id).with_for_update())


def lock_thread(connection: Connection, thread_id: str, tester: str) -> Thread | None:
    """Give a thread of a tester's, and keep it from being written to by others until the transaction ends."""
    row = connection.execute(_LOCK_THREAD, {"thread_id": thread_id}).one_or_none()
    return Thread(*row) if row and row.tester == tester else None


def add_message(connection: Connection, message: Message) -> None:
    """Record a message with the passages it was made from."""
    change = take_change(connection)
    row = {name: getattr(message, name) for name in _MESSAGE_FIELDS}
    connection.execute(_INSERT_MESSAGE, row | {"change": change})
    if message.passages:
        rows = [
            {name: getattr(passage, name) for name in _PASSAGE_FIELDS}
            | {"message_id": message.message_id, "change": change}
            for passage in message.passages
        ]
        connection.execute(_INSERT_PASSAGES, rows)


def add_feedback(connection: Connection, feedback: Feedback) -> None:
    """Record a verdict; the last one on a message is the one in force."""
    row = {field.name: getattr(feedback, field.name) for field in fields(Feedback)}
    connection.execute(
        insert(feedback_events).values(**row, event_id=str(uuid.uuid4()), change=take_change(connection))
    )


def read_thread(connection: Connection, thread_id: str, tester: str | None = None) -> Thread:
    """Give a thread.

    Args:
        tester: whose it has to be; None for any (admin).

    Raises:
        UnknownThread: there is none, or it is somebody else's.
    """
    row = connection.execute(_READ_THREAD, {"thread_id": thread_id}).one_or_none()
    if row is None or tester not in (None, row.tester):
        raise UnknownThread(f"There is no thread {thread_id} among yours. Start a new one.")
    return Thread(*row)


def list_threads(
    connection: Connection, tester: str, limit: int = 50, *, with_empty: bool = False
) -> list[ThreadHead]:
    """Give a tester's threads that have messages, or all, the newest first; an empty one has no title."""
    last_at = func.coalesce(func.max(messages.c.created_at), threads.c.created_at)
    statement = (
        select(*_columns(threads, Thread), last_at, func.count(messages.c.message_id))
        .join(messages, messages.c.thread_id == threads.c.thread_id, isouter=with_empty)
        .where(threads.c.tester == tester)
        .group_by(threads.c.thread_id)
        .order_by(threads.c.created_at.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    titles = _read_titles(connection, [row.thread_id for row in rows])
    return [
        ThreadHead(Thread(*row[:-2]), titles.get(row.thread_id, ""), last_at=row[-2], messages=row[-1])
        for row in rows
    ]


def list_messages(connection: Connection, thread_id: str) -> list[Message]:
    """Give a thread's messages with their passages, the oldest first."""
    return _read_messages(connection, [thread_id]).get(thread_id, [])


def read_message(connection: Connection, message_id: str, tester: str | None = None) -> Message:
    """Give a message with its passages.

    Raises:
        UnknownMessage: there is none, or it is in somebody else's thread.
    """
    statement = select(messages.c.thread_id).where(messages.c.message_id == message_id)
    if tester is not None:
        statement = statement.join(threads, threads.c.thread_id == messages.c.thread_id).where(
            threads.c.tester == tester
        )
    thread_id = connection.execute(statement).scalar_one_or_none()
    found = [] if thread_id is None else list_messages(connection, thread_id)
    for message in found:
        if message.message_id == message_id:
            return message
    raise UnknownMessage(f"There is no message {message_id} in a thread of yours.")


def measure_use(connection: Connection, thread_id: str) -> ThreadUse:
    """Add up what a thread has used of its session."""
    return ThreadUse(*connection.execute(_MEASURE_USE, {"thread_id": thread_id}).one())


def read_feedback(connection: Connection, thread_ids: Sequence[str]) -> dict[str, Feedback]:
    """Give the verdicts in force on the messages of some threads, by message id."""
    statement = (
        select(*_columns(feedback_events, Feedback))
        .join(messages, messages.c.message_id == feedback_events.c.message_id)
        .where(messages.c.thread_id.in_(thread_ids))
        # Of one transaction all have the same change.
        .order_by(feedback_events.c.change, feedback_events.c.created_at)
    )
    return {row.message_id: Feedback(*row) for row in connection.execute(statement)}


def read_transcript(connection: Connection, thread_id: str) -> Transcript | None:
    """Give a whole thread, or None where there is none."""
    found = read_transcripts(connection, [thread_id])
    return found[0] if found else None


def read_transcripts(connection: Connection, thread_ids: Sequence[str]) -> list[Transcript]:
    """Give whole threads in the order asked for; ids of none are passed over."""
    statement = select(*_columns(threads, Thread)).where(threads.c.thread_id.in_(thread_ids))
    heads = {row.thread_id: Thread(*row) for row in connection.execute(statement)}
    bodies = _read_messages(connection, thread_ids)
    verdicts = read_feedback(connection, thread_ids)
    return [
        Transcript(
            thread=heads[thread_id],
            messages=tuple(bodies.get(thread_id, [])),
            feedback={
                message.message_id: verdicts[message.message_id]
                for message in bodies.get(thread_id, [])
                if message.message_id in verdicts
            },
        )
        for thread_id in thread_ids
        if thread_id in heads
    ]


def iterate_transcripts(store: Store, thread_ids: Sequence[str]) -> Iterator[Transcript]:
    """Give whole threads one by one, read 50 at a time so that memory stays flat."""
    for start in range(0, len(thread_ids), READ_AT_ONCE):
        yield from store.read(read_transcripts, thread_ids[start : start + READ_AT_ONCE])


def _read_messages(connection: Connection, thread_ids: Sequence[str]) -> dict[str, list[Message]]:
    statement = (
        select(*_columns(messages, Message))
        .where(messages.c.thread_id.in_(thread_ids))
        .order_by(messages.c.thread_id, messages.c.position)
    )
    rows = connection.execute(statement).all()
    passages = _read_passages(connection, thread_ids)
    found: dict[str, list[Message]] = defaultdict(list)
    for row in rows:
        found[row.thread_id].append(replace(Message(*row), passages=tuple(passages.get(row.message_id, ()))))
    return found


def _read_passages(connection: Connection, thread_ids: Sequence[str]) -> dict[str, list[PassageUsed]]:
    statement = (
        select(passages_used.c.message_id, *_columns(passages_used, PassageUsed))
        .join(messages, messages.c.message_id == passages_used.c.message_id)
        .where(messages.c.thread_id.in_(thread_ids))
        .order_by(passages_used.c.message_id, passages_used.c.rank)
    )
    found: dict[str, list[PassageUsed]] = defaultdict(list)
    for message_id, *values in connection.execute(statement):
        found[message_id].append(PassageUsed(*values))
    return found


def _read_titles(connection: Connection, thread_ids: Sequence[str]) -> dict[str, str]:
    statement = select(messages.c.thread_id, messages.c.content).where(
        messages.c.thread_id.in_(thread_ids), messages.c.position == 0
    )
    return {row.thread_id: row.content for row in connection.execute(statement)}


def _columns(table: Table, record: type) -> list[Any]:
    """List the table's columns in the order of the record's fields."""
    return [table.c[field.name] for field in fields(record) if field.name in table.c]
