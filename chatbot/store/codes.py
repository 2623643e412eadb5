"""Beta codes and the one-time codes that carry a login to another device, each known by its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from chatbot.store.records import Code
from chatbot.store.schema import codes, logins, resume_codes

_COLUMNS = [codes.c[field.name] for field in fields(Code)]


@dataclass(frozen=True, slots=True)
class CodeUse:
    """A code, and how many of its logins are in force."""

    code: Code
    logins: int


def add_code(connection: Connection, code: Code, fingerprint: str) -> None:
    """Record a code."""
    row = {field.name: getattr(code, field.name) for field in fields(Code)}
    connection.execute(insert(codes).values(**row, fingerprint=fingerprint))


def find_code(connection: Connection, fingerprint: str, *, is_locked: bool = False) -> Code | None:
    """Give the code of a fingerprint, in force or not.

    Args:
        is_locked: keep it as it is until the transaction ends, for its uses are counted in it.
    """
    statement = select(*_COLUMNS).where(codes.c.fingerprint == fingerprint)
    row = connection.execute(statement.with_for_update() if is_locked else statement).one_or_none()
    return Code(*row) if row else None


def find_label(connection: Connection, label: str) -> Code | None:
    """Give the code of a label, in force or not."""
    row = connection.execute(select(*_COLUMNS).where(codes.c.label == label)).one_or_none()
    return Code(*row) if row else None


def list_codes(connection: Connection, now: datetime) -> list[CodeUse]:
    """Give all codes, the oldest first, with their logins that have neither ended nor run out."""
    in_force = (logins.c.ended_at.is_(None)) & (logins.c.expires_at > now)
    statement = (
        select(*_COLUMNS, func.count(logins.c.login_id))
        .outerjoin(logins, (logins.c.code_id == codes.c.code_id) & in_force)
        .group_by(codes.c.code_id)
        .order_by(codes.c.created_at, codes.c.label)
    )
    return [CodeUse(Code(*row[:-1]), row[-1]) for row in connection.execute(statement)]


def count_codes(connection: Connection) -> int:
    """Count the codes ever made, those that are no longer in force too."""
    return int(connection.execute(select(func.count()).select_from(codes)).scalar_one())


def count_use(connection: Connection, code_id: str) -> None:
    """Count a login with a code."""
    connection.execute(update(codes).where(codes.c.code_id == code_id).values(uses=codes.c.uses + 1))


def revoke_code(connection: Connection, code_id: str, now: datetime) -> None:
    """Take a code out of force; its logins end with it."""
    connection.execute(update(codes).where(codes.c.code_id == code_id).values(revoked_at=now))


def put_resume_code(
    connection: Connection, login_id: str, fingerprint: str, now: datetime, expires_at: datetime
) -> None:
    """Record the one resume code of a login; the one before, and those that ran out, go."""
    is_over = (resume_codes.c.login_id == login_id) | (resume_codes.c.expires_at <= now)
    connection.execute(delete(resume_codes).where(is_over))
    connection.execute(
        insert(resume_codes).values(login_id=login_id, fingerprint=fingerprint, expires_at=expires_at)
    )


def take_resume_code(connection: Connection, fingerprint: str, now: datetime) -> str | None:
    """Give the login of a resume code, which is then used up; None where there is none in force."""
    statement = (
        delete(resume_codes)
        .where(resume_codes.c.fingerprint == fingerprint, resume_codes.c.expires_at > now)
        .returning(resume_codes.c.login_id)
    )
    return connection.execute(statement).scalar_one_or_none()
