"""Testers' logins: each is a tester of its own."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chatbot.store.records import Login
from chatbot.store.schema import logins, tester_numbers


def take_tester_number(connection: Connection, label: str) -> int:
    """Give the next number of a code's testers, from 1."""
    statement = upsert(tester_numbers).values(label=label, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=[tester_numbers.c.label], set_={"last": tester_numbers.c.last + 1}
    )
    return int(connection.execute(statement.returning(tester_numbers.c.last)).scalar_one())


def raise_tester_number(connection: Connection, label: str, last: int) -> None:
    """Count a code's testers as far as `last` at least."""
    statement = upsert(tester_numbers).values(label=label, last=last)
    statement = statement.on_conflict_do_update(
        index_elements=[tester_numbers.c.label], set_={"last": func.max(tester_numbers.c.last, last)}
    )
    connection.execute(statement)


def add_login(connection: Connection, login: Login) -> None:
    """Record a login."""
    connection.execute(
        insert(logins).values({field.name: getattr(login, field.name) for field in fields(Login)})
    )


def find_login(connection: Connection, login_id: str, now: datetime) -> Login | None:
    """Give a login that is in force: neither ended nor run out."""
    columns = [logins.c[field.name] for field in fields(Login)]
    statement = select(*columns).where(
        logins.c.login_id == login_id, logins.c.ended_at.is_(None), logins.c.expires_at > now
    )
    row = connection.execute(statement).one_or_none()
    return Login(*row) if row else None


def end_login(connection: Connection, login_id: str, now: datetime) -> None:
    """End a login for good."""
    connection.execute(update(logins).where(logins.c.login_id == login_id).values(ended_at=now))


def accept_notice(connection: Connection, login_id: str, version: str, now: datetime) -> None:
    """Record that a tester accepted a version of the privacy notice."""
    connection.execute(
        update(logins)
        .where(logins.c.login_id == login_id)
        .values(notice_version=version, notice_accepted_at=now)
    )
