"""Accounts of the admin, and the sessions of theirs that ended before their time."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from chatbot.store.records import Account
from chatbot.store.schema import accounts, ended_sessions

_COLUMNS = [accounts.c[field.name] for field in fields(Account)]


def add_account(connection: Connection, account: Account) -> None:
    """Record an account; no session from before this moment is good for it."""
    row = {field.name: getattr(account, field.name) for field in fields(Account)}
    connection.execute(insert(accounts).values(**row, valid_from=account.created_at))


def list_accounts(connection: Connection) -> list[Account]:
    """Give all accounts, by name."""
    return [Account(*row) for row in connection.execute(select(*_COLUMNS).order_by(accounts.c.username))]


def get_account(connection: Connection, username: str) -> Account | None:
    """Give an account, or None where there is none."""
    row = connection.execute(select(*_COLUMNS).where(accounts.c.username == username)).one_or_none()
    return Account(*row) if row else None


def remove_account(connection: Connection, username: str) -> None:
    """Forget an account; its sessions end with it."""
    connection.execute(delete(accounts).where(accounts.c.username == username))


def set_password(connection: Connection, username: str, password_hash: str, valid_from: datetime) -> None:
    """Replace an account's password; sessions from before `valid_from` end."""
    connection.execute(
        update(accounts)
        .where(accounts.c.username == username)
        .values(password_hash=password_hash, valid_from=valid_from)
    )


def count_accounts(connection: Connection) -> int:
    """Count the accounts."""
    return int(connection.execute(select(func.count()).select_from(accounts)).scalar_one())


def lock_superadmins(connection: Connection) -> list[str]:
    """Give the superadmins' names; until the transaction ends nobody else takes one of them away."""
    # In one order: two that lock them at once would otherwise wait for each other.
    statement = (
        select(accounts.c.username).where(accounts.c.role == "superadmin").order_by(accounts.c.username)
    )
    return list(connection.execute(statement.with_for_update()).scalars())


def find_session_account(
    connection: Connection, username: str, issued_at: datetime, fingerprint: str
) -> Account | None:
    """Give the account of a session, or None where the session is over.

    Over is one that was ended, or was issued before the account's password was last set.
    """
    is_ended = select(ended_sessions.c.fingerprint).where(ended_sessions.c.fingerprint == fingerprint)
    statement = select(*_COLUMNS).where(
        accounts.c.username == username, accounts.c.valid_from <= issued_at, ~is_ended.exists()
    )
    row = connection.execute(statement).one_or_none()
    return Account(*row) if row else None


def end_session(connection: Connection, fingerprint: str, expires_at: datetime, now: datetime) -> None:
    """Remember an ended session until it would have run out by itself; those that have are forgotten."""
    connection.execute(delete(ended_sessions).where(ended_sessions.c.expires_at <= now))
    known = select(ended_sessions.c.fingerprint).where(ended_sessions.c.fingerprint == fingerprint)
    if connection.execute(known).one_or_none() is None:
        connection.execute(insert(ended_sessions).values(fingerprint=fingerprint, expires_at=expires_at))
