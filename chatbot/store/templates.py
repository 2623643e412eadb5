"""Office templates and their versions: the newest published one of a name is the one in force.

Writing: `add_version`, `publish`, `roll_back`, `remove`, each with its line in the audit. Reading: the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from chatbot.errors import EditConflict, InvalidRequest
from chatbot.store.audit import add_entry
from chatbot.store.schema import generated_files, office_templates

NAME = re.compile(r"[a-z][a-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a template without its file; versions count from 1, a draft is not published.

    `fields` in order of appearance; `size` of the file in bytes.
    """

    name: str
    version: int
    kind: str
    filename: str
    fields: tuple[str, ...]
    author: str
    note: str
    created_at: datetime
    published_at: datetime | None
    size: int


@dataclass(frozen=True, slots=True)
class TemplateState:
    """A template as a list shows it: its newest version, and the number of the one in force, None where none is."""

    newest: TemplateVersion
    in_force: int | None


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A file that was checked, to be kept as a version."""

    kind: str
    filename: str
    content: bytes
    fields: Sequence[str]


_NAMES = tuple(field.name for field in fields(TemplateVersion))
_SIZE = func.length(office_templates.c.content)
_COLUMNS = [_SIZE if name == "size" else office_templates.c[name] for name in _NAMES]


def add_version(
    connection: Connection,
    name: str,
    template: NewTemplate,
    author: str,
    note: str,
    now: datetime,
    *,
    base: int | None,
) -> int:
    """Keep a file as a draft; gives the version's number.

    Args:
        base: number of the newest version that the author saw; None where he saw none.

    Raises:
        InvalidRequest: the name is none.
        EditConflict: somebody added a version since.
    """
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:100]!r} is no name of a template: small letters, digits, - and _, at most 80, beginning with a "
            "letter."
        )
    newest = _find_newest(connection, name)
    if (newest.version if newest else None) != base:
        who = f"{newest.author} added version {newest.version}" if newest else "Somebody removed all versions"
        raise EditConflict(f"{who} of {name} since you began. Look at it, then add yours again.")
    version = _add(connection, name, template, author, note, now)
    add_entry(connection, now, author, "template.add", f"{name} {version}", note)
    return version


def publish(connection: Connection, name: str, version: int, author: str, now: datetime) -> None:
    """Put a draft in force; a version that is in force stays so.

    Raises:
        InvalidRequest: there is no such version.
        EditConflict: a newer one is in force.
    """
    draft = _need_version(connection, name, version)
    in_force = find_published(connection, name)
    if in_force and in_force.version > version:
        raise EditConflict(
            f"Version {in_force.version} of {name} is in force and newer. Roll back to version {version} instead."
        )
    if draft.published_at is None:
        is_draft = (office_templates.c.name == name) & (office_templates.c.version == version)
        connection.execute(update(office_templates).where(is_draft).values(published_at=now))
        add_entry(connection, now, author, "template.publish", f"{name} {version}")


def roll_back(connection: Connection, name: str, version: int, author: str, note: str, now: datetime) -> int:
    """Put an earlier version's file in force again, as a new version; gives its number.

    Raises:
        InvalidRequest: there is no such version.
    """
    earlier = _need_version(connection, name, version)
    content = read_content(connection, name, version)
    template = NewTemplate(earlier.kind, earlier.filename, content, earlier.fields)
    number = _add(connection, name, template, author, note, now, published_at=now)
    add_entry(
        connection,
        now,
        author,
        "template.roll_back",
        f"{name} {version}",
        f"as version {number}. {note}".strip(),
    )
    return number


def remove(connection: Connection, name: str, author: str, now: datetime) -> None:
    """Forget a template with all its versions.

    Raises:
        InvalidRequest: there is none of this name.
    """
    removed = connection.execute(delete(office_templates).where(office_templates.c.name == name)).rowcount
    if not removed:
        raise InvalidRequest(f"There is no template {name[:100]!r}.")
    add_entry(connection, now, author, "template.remove", name, f"{removed} versions")


def list_newest(connection: Connection) -> list[TemplateState]:
    """Give every template's newest version, by name."""
    rows = connection.execute(_select().order_by(office_templates.c.name, office_templates.c.version))
    newest: dict[str, TemplateState] = {}
    for version in map(_read_row, rows):
        before = newest.get(version.name)
        in_force = version.version if version.published_at else before.in_force if before else None
        newest[version.name] = TemplateState(version, in_force)
    return list(newest.values())


def list_versions(connection: Connection, name: str) -> list[TemplateVersion]:
    """Give all versions of a template, the newest first."""
    statement = _select().where(office_templates.c.name == name).order_by(office_templates.c.version.desc())
    return [_read_row(row) for row in connection.execute(statement)]


def read_version(connection: Connection, name: str, version: int) -> TemplateVersion | None:
    """Give one version; None where there is none of this number."""
    statement = _select().where(office_templates.c.name == name, office_templates.c.version == version)
    row = connection.execute(statement).one_or_none()
    return _read_row(row) if row else None


def find_published(connection: Connection, name: str) -> TemplateVersion | None:
    """Give the version in force; None where none is."""
    statement = (
        _select()
        .where(office_templates.c.name == name, office_templates.c.published_at.is_not(None))
        .order_by(office_templates.c.version.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return _read_row(row) if row else None


def read_content(connection: Connection, name: str, version: int) -> bytes:
    """Give the file of a version.

    Raises:
        InvalidRequest: there is no such version.
    """
    statement = select(office_templates.c.content).where(
        office_templates.c.name == name, office_templates.c.version == version
    )
    content = connection.execute(statement).scalar_one_or_none()
    if content is None:
        raise _unknown(name, version)
    return bytes(content)


def _add(
    connection: Connection,
    name: str,
    template: NewTemplate,
    author: str,
    note: str,
    now: datetime,
    *,
    published_at: datetime | None = None,
) -> int:
    version = _find_last(connection, name) + 1
    connection.execute(
        insert(office_templates).values(
            name=name,
            version=version,
            kind=template.kind,
            filename=template.filename,
            content=template.content,
            fields=json.dumps(list(template.fields)),
            author=author,
            note=note,
            created_at=now,
            published_at=published_at,
        )
    )
    return version


def _find_last(connection: Connection, name: str) -> int:
    """Give the last number that a version of this name had; files made of removed ones count too."""
    kept = select(func.max(office_templates.c.version)).where(office_templates.c.name == name)
    used = select(func.max(generated_files.c.template_version)).where(generated_files.c.template == name)
    return max(int(connection.execute(statement).scalar() or 0) for statement in (kept, used))


def _find_newest(connection: Connection, name: str) -> TemplateVersion | None:
    return next(iter(list_versions(connection, name)), None)


def _need_version(connection: Connection, name: str, version: int) -> TemplateVersion:
    found = read_version(connection, name, version)
    if found is None:
        raise _unknown(name, version)
    return found


def _unknown(name: str, version: int) -> InvalidRequest:
    return InvalidRequest(f"There is no version {version} of a template {name[:100]!r}.")


def _select() -> Select[Any]:
    return select(*_COLUMNS)


def _read_row(row: Row[Any]) -> TemplateVersion:
    values = dict(zip(_NAMES, row, strict=True))
    return TemplateVersion(**values | {"fields": tuple(json.loads(values["fields"]))})
