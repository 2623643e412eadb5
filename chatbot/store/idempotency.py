"""Idempotency keys: a message sent twice under one key is answered once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, insert, select

from chatbot.errors import IdempotencyMismatch
from chatbot.store.schema import idempotency_keys


def find(connection: Connection, tester: str, key: str, fingerprint: str) -> str | None:
    """Give the id of the answer that a key stands for.

    Raises:
        IdempotencyMismatch: the key came with another body.
    """
    columns = idempotency_keys.c["fingerprint", "message_id"]
    statement = select(*columns).where(idempotency_keys.c.tester == tester, idempotency_keys.c.key == key)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    if row[0] != fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was used for another message. Take a new key.")
    return str(row[1])


def remember(
    connection: Connection, tester: str, key: str, fingerprint: str, message_id: str, now: datetime
) -> None:
    """Let a key stand for an answer."""
    connection.execute(
        insert(idempotency_keys).values(
            tester=tester, key=key, fingerprint=fingerprint, message_id=message_id, created_at=now
        )
    )


def take_fingerprint(thread_id: str, text: str) -> str:
    """Give what tells one question of a thread from another: a key is for one alone."""
    return hashlib.sha256(f"{thread_id}\n{text}".encode()).hexdigest()
