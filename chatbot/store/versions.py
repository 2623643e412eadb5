"""Versions of assistants: which definition was in force when an answer was given."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from chatbot.store.changes import take_change
from chatbot.store.schema import assistant_versions


def record_version(
    connection: Connection, assistant: str, definition: str, author: str, now: datetime
) -> int:
    """Give the number of a definition: the newest one's where the text is the same, else a new, published version."""
    columns = assistant_versions.c["version", "definition"]
    statement = (
        select(*columns)
        .where(assistant_versions.c.assistant == assistant)
        .order_by(assistant_versions.c.version.desc())
        .limit(1)
    )
    newest = connection.execute(statement).one_or_none()
    if newest and newest[1] == definition:
        return int(newest[0])
    version = int(newest[0]) + 1 if newest else 1
    connection.execute(
        insert(assistant_versions).values(
            assistant=assistant,
            version=version,
            definition=definition,
            author=author,
            created_at=now,
            published_at=now,
            change=take_change(connection),
        )
    )
    return version
