"""Rows that tests of the store write past its rules."""

from __future__ import annotations

from sqlalchemy import Connection, select

from chatbot.errors import UnknownThread
from chatbot.store.schema import meta


def add(connection: Connection, name: str, value: str = "") -> str:
    """Write a row."""
    connection.execute(meta.insert().values(name=name, value=value))
    return name


def add_then_fail(connection: Connection, name: str) -> None:
    """Write a row and refuse, as a rule does that is broken half-way."""
    add(connection, name)
    raise UnknownThread("There is no such thread.")


def list_names(connection: Connection) -> list[str]:
    """List the rows written, by name."""
    statement = select(meta.c.name).where(meta.c.name.not_in(("store_id", "database")))
    return sorted(connection.execute(statement).scalars())
