"""Who did what, without the content it was done to."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Connection, insert

from chatbot.store.changes import take_change
from chatbot.store.schema import audit


def add_entry(
    connection: Connection, now: datetime, actor: str, action: str, target: str, detail: str = ""
) -> None:
    """Record an action.

    Args:
        actor: an account's name, a tester's label, or `service` and `command` for our own doing.
        action: a noun and a verb, such as `thread.read`.
    """
    connection.execute(
        insert(audit).values(
            audit_id=str(uuid.uuid4()),
            created_at=now,
            actor=actor,
            action=action,
            target=target,
            detail=detail,
            change=take_change(connection),
        )
    )
