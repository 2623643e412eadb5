"""Testers' logins: each is a tester of its own."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, insert, or_, select, update

from chatbot.store.changes import take_change
from chatbot.store.records import Login
from chatbot.store.schema import codes, logins, tester_numbers, threads
from chatbot.store.upsert import insert as upsert

_NOW = bindparam("now", type_=logins.c.expires_at.type)
# Built once, as it is run for every request: made anew, a statement takes longer than the database.
_FIND_LOGIN = (
    select(*(logins.c[field.name] for field in fields(Login)))
    .outerjoin(codes, codes.c.code_id == logins.c.code_id)
    .where(
        logins.c.login_id == bindparam("login_id"),
        logins.c.ended_at.is_(None),
        logins.c.expires_at > _NOW,
        codes.c.revoked_at.is_(None),
        or_(codes.c.expires_at.is_(None), codes.c.expires_at > _NOW),
    )
)


def take_tester_number(connection: Connection, label: str) -> int:
    """Give the next number of a code's testers, from 1."""
    statement = upsert(connection.dialect.name, tester_numbers).values(label=label, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=[tester_numbers.c.label], set_={"last": tester_numbers.c.last + 1}
    )
    return int(connection.execute(statement.returning(tester_numbers.c.last)).scalar_one())


def raise_tester_number(connection: Connection, label: str, last: int) -> None:
    """Count a code's testers as far as `last` at least."""
    statement = upsert(connection.dialect.name, tester_numbers).values(label=label, last=last)
    highest = case((tester_numbers.c.last > last, tester_numbers.c.last), else_=last)
    statement = statement.on_conflict_do_update(
        index_elements=[tester_numbers.c.label], set_={"last": highest}
    )
    connection.execute(statement)


def add_login(connection: Connection, login: Login) -> None:
    """Record a login."""
    connection.execute(
        insert(logins).values({field.name: getattr(login, field.name) for field in fields(Login)})
    )


def find_login(connection: Connection, login_id: str, now: datetime) -> Login | None:
    """Give a login that is in force: neither ended nor run out, nor is its code revoked or expired."""
    row = connection.execute(_FIND_LOGIN, {"login_id": login_id, "now": now}).one_or_none()
    return Login(*row) if row else None


def end_login(connection: Connection, login_id: str, now: datetime) -> None:
    """End a login for good."""
    connection.execute(update(logins).where(logins.c.login_id == login_id).values(ended_at=now))


def accept_notice(connection: Connection, tester: str, version: str, now: datetime) -> None:
    """Record that a tester accepted a version of the privacy notice, for the threads that were started already too."""
    agreed = {"notice_version": version, "notice_accepted_at": now}
    connection.execute(update(logins).where(logins.c.tester == tester).values(**agreed))
    is_waiting = (threads.c.tester == tester) & threads.c.notice_accepted_at.is_(None)
    if connection.execute(select(threads.c.thread_id).where(is_waiting).limit(1)).first():
        change = take_change(connection)
        connection.execute(update(threads).where(is_waiting).values(**agreed, change=change))
