"""Counters that run out: what limiters count, held across processes and restarts."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, bindparam, case, delete, select
from sqlalchemy.sql.dml import ReturningInsert

from chatbot.store.schema import limit_counters
from chatbot.store.upsert import insert


def increase(connection: Connection, key: str, amount: int, now: datetime, expires_at: datetime) -> int:
    """Add to a counter and give its value; one that has run out starts anew, with a new end."""
    row = {"key": key, "count": amount, "expires_at": expires_at, "now": now}
    return int(connection.execute(_build_increase(connection.dialect.name), row).scalar_one())


def drop_ended(connection: Connection, now: datetime) -> None:
    """Forget the counters that have run out."""
    connection.execute(delete(limit_counters).where(limit_counters.c.expires_at <= now))


def read_counter(connection: Connection, key: str, now: datetime) -> tuple[int, datetime | None]:
    """Give a counter's value and its end; 0 and None where it has run out."""
    columns = limit_counters.c["count", "expires_at"]
    statement = select(*columns).where(limit_counters.c.key == key, limit_counters.c.expires_at > now)
    row = connection.execute(statement).one_or_none()
    return (int(row[0]), row[1]) if row else (0, None)


def clear_counter(connection: Connection, key: str | None = None) -> None:
    """Forget a counter, or all."""
    statement = delete(limit_counters)
    connection.execute(statement if key is None else statement.where(limit_counters.c.key == key))


@lru_cache(maxsize=2)
def _build_increase(dialect: str) -> ReturningInsert[int]:
    """Build the statement once for an engine: two are run for every question."""
    statement = insert(dialect, limit_counters)
    is_over = limit_counters.c.expires_at <= bindparam("now", type_=limit_counters.c.expires_at.type)
    statement = statement.on_conflict_do_update(
        index_elements=[limit_counters.c.key],
        set_={
            "count": case(
                (is_over, statement.excluded.count), else_=limit_counters.c.count + statement.excluded.count
            ),
            "expires_at": case((is_over, statement.excluded.expires_at), else_=limit_counters.c.expires_at),
        },
    )
    return statement.returning(limit_counters.c.count)
