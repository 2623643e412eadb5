"""Which threads belong to a range of time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from chatbot.store.schema import messages, threads


def list_thread_ids(
    connection: Connection, start: datetime | None = None, end: datetime | None = None
) -> list[str]:
    """Give the ids of the threads started or written in within [start, end), the oldest first; None = open end."""
    of_thread = threads.c.thread_id, threads.c.created_at
    started = select(*of_thread)
    written = select(*of_thread).join(messages, messages.c.thread_id == threads.c.thread_id)
    if start is not None:
        started = started.where(threads.c.created_at >= start)
        written = written.where(messages.c.created_at >= start)
    if end is not None:
        started = started.where(threads.c.created_at < end)
        written = written.where(messages.c.created_at < end)
    found = started.union(written).subquery()
    statement = select(found.c.thread_id).order_by(found.c.created_at, found.c.thread_id)
    return [str(thread_id) for thread_id in connection.execute(statement).scalars()]
