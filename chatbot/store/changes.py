"""The change counter: every published row carries the number of the change that wrote it."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from chatbot.store.schema import change_counter, meta


def take_change(connection: Connection, count: int = 1) -> int:
    """Take the next number, or `count` numbers of which the last is given.

    Taken inside the writing transaction, a number is never seen before all that lie below it: on SQLite one
    transaction writes at a time.
    """
    statement = (
        update(change_counter).values(value=change_counter.c.value + count).returning(change_counter.c.value)
    )
    return int(connection.execute(statement).scalar_one())


def read_counter(connection: Connection) -> int:
    """Give the last number taken."""
    return int(connection.execute(select(change_counter.c.value)).scalar_one())


def read_store_id(connection: Connection) -> str:
    """Give the id of this store; a restored store has a new one."""
    return str(connection.execute(select(meta.c.value).where(meta.c.name == "store_id")).scalar_one())
