"""Versions of assistants: which definition was in force when an answer was given, and who wrote it.

The newest published version is the one in force, whether a file or an admin wrote it; one with an empty definition
withdraws the assistant. Writing: `record_file`, `publish`. Reading: the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from chatbot.errors import EditConflict
from chatbot.store.changes import take_change
from chatbot.store.schema import assistant_versions

# The author of what came from `ASSISTANTS_DIR`.
FILE = "file"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an assistant; they count from 1."""

    assistant: str
    version: int
    definition: str
    author: str
    created_at: datetime
    published_at: datetime | None
    note: str | None


_COLUMNS = [assistant_versions.c[field.name] for field in fields(Version)]


def record_file(
    connection: Connection,
    assistant: str,
    definition: str,
    written_at: datetime,
    now: datetime,
    *,
    is_changed: bool = False,
) -> int | None:
    """Publish what a file says, where that is new; gives the version's number, None where it is not.

    A text that is known from before is new again where its file was written since, or was seen to change: a replica
    that starts late with an older image does not take its definition back.

    Args:
        written_at: when the file was.
        is_changed: whether it was seen to change.
    """
    known = connection.execute(
        select(assistant_versions.c.definition, assistant_versions.c.created_at)
        .where(assistant_versions.c.assistant == assistant, assistant_versions.c.author == FILE)
        .order_by(assistant_versions.c.version.desc())
    ).all()
    if known and known[0].definition == definition:
        return None
    is_known = any(row.definition == definition for row in known)
    if is_known and not is_changed and written_at < known[0].created_at:
        return None
    return _add(connection, assistant, definition, FILE, None, now)


def publish(
    connection: Connection,
    assistant: str,
    definition: str,
    author: str,
    note: str,
    now: datetime,
    *,
    base: int | None,
) -> int:
    """Publish a new version; gives its number.

    Args:
        definition: empty to withdraw the assistant.
        base: number of the version it was made from; None for an assistant that has none.

    Raises:
        EditConflict: somebody published another one since.
    """
    newest = find_newest(connection, assistant)
    if (newest.version if newest else None) != base:
        raise EditConflict(
            f"{newest.author if newest else 'Somebody'} has published version {newest.version if newest else 0} of "
            f"{assistant} since you began. Your text is still here: compare the two, then publish again."
        )
    return _add(connection, assistant, definition, author, note, now)


def find_newest(connection: Connection, assistant: str) -> Version | None:
    """Give the version in force."""
    statement = (
        select(*_COLUMNS)
        .where(assistant_versions.c.assistant == assistant, assistant_versions.c.published_at.is_not(None))
        .order_by(assistant_versions.c.version.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return Version(*row) if row else None


def list_newest_numbers(connection: Connection) -> dict[str, int]:
    """Give the number of each assistant's version in force."""
    newest = func.max(assistant_versions.c.version)
    statement = (
        select(assistant_versions.c.assistant, newest)
        .where(assistant_versions.c.published_at.is_not(None))
        .group_by(assistant_versions.c.assistant)
    )
    return {name: int(version) for name, version in connection.execute(statement)}


def read_version(connection: Connection, assistant: str, version: int) -> Version | None:
    """Give one version; None where there is none of this number."""
    statement = select(*_COLUMNS).where(
        assistant_versions.c.assistant == assistant, assistant_versions.c.version == version
    )
    row = connection.execute(statement).one_or_none()
    return Version(*row) if row else None


def list_versions(connection: Connection, assistant: str) -> list[Version]:
    """Give all versions of an assistant, the newest first."""
    statement = (
        select(*_COLUMNS)
        .where(assistant_versions.c.assistant == assistant)
        .order_by(assistant_versions.c.version.desc())
    )
    return [Version(*row) for row in connection.execute(statement)]


def _add(
    connection: Connection, assistant: str, definition: str, author: str, note: str | None, now: datetime
) -> int:
    last = select(func.max(assistant_versions.c.version)).where(assistant_versions.c.assistant == assistant)
    version = int(connection.execute(last).scalar() or 0) + 1
    connection.execute(
        insert(assistant_versions).values(
            assistant=assistant,
            version=version,
            definition=definition,
            author=author,
            note=note or None,
            created_at=now,
            published_at=now,
            change=take_change(connection),
        )
    )
    return version
