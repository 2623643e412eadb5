"""What testers say besides their verdicts on answers: that something is to be documented, how a thread went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from chatbot.store.changes import take_change
from chatbot.store.records import Rating
from chatbot.store.schema import ratings, requests


def add_request(connection: Connection, message_id: str, now: datetime) -> None:
    """Record that a tester asks for documentation under an answer; asked again, nothing changes."""
    known = select(requests.c.message_id).where(requests.c.message_id == message_id)
    if connection.execute(known).one_or_none() is None:
        change = take_change(connection)
        connection.execute(insert(requests).values(message_id=message_id, created_at=now, change=change))


def list_requests(connection: Connection, message_ids: list[str]) -> set[str]:
    """Tell under which of some answers documentation was asked for."""
    statement = select(requests.c.message_id).where(requests.c.message_id.in_(message_ids))
    return set(connection.execute(statement).scalars())


def rate_thread(connection: Connection, rating: Rating) -> None:
    """Record how a thread went; the last rating is the one in force."""
    connection.execute(delete(ratings).where(ratings.c.thread_id == rating.thread_id))
    connection.execute(
        insert(ratings).values(
            thread_id=rating.thread_id,
            value=rating.value,
            comment=rating.comment,
            created_at=rating.created_at,
            change=take_change(connection),
        )
    )


def read_rating(connection: Connection, thread_id: str) -> Rating | None:
    """Give the rating of a thread, or None where there is none."""
    columns = ratings.c["thread_id", "value", "comment", "created_at"]
    row = connection.execute(select(*columns).where(ratings.c.thread_id == thread_id)).one_or_none()
    return Rating(*row) if row else None
