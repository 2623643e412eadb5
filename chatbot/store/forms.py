"""What testers filled in before an assistant wrote, and the files made of its drafts.

Writing: `add_form`, `add_file`. Reading: the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, insert, select

from chatbot.store.changes import take_change
from chatbot.store.schema import generated_files, messages, thread_forms


@dataclass(frozen=True, slots=True)
class FormEntry:
    """One field of a form as it was filled in; `type` as the form has it."""

    field: str
    value: str
    type: str


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file that was made of a draft; the file itself is not kept."""

    message_id: str
    created_at: datetime
    format: str
    bytes: int
    is_edited: bool
    template: str | None = None
    template_version: int | None = None


def add_form(connection: Connection, thread_id: str, entries: Sequence[FormEntry]) -> None:
    """Record the form of a new thread."""
    if entries:
        change = take_change(connection)
        rows = [
            {
                "thread_id": thread_id,
                "field": entry.field,
                "value": entry.value,
                "type": entry.type,
                "change": change,
            }
            for entry in entries
        ]
        connection.execute(insert(thread_forms), rows)


def read_form(connection: Connection, thread_id: str) -> dict[str, str]:
    """Give the values of a thread's form, by field; empty where it has none."""
    columns = thread_forms.c.field, thread_forms.c.value
    statement = select(*columns).where(thread_forms.c.thread_id == thread_id).order_by(thread_forms.c.field)
    return {str(row[0]): str(row[1]) for row in connection.execute(statement)}


def add_file(connection: Connection, file: GeneratedFile) -> None:
    """Record that a file was made."""
    row = {field.name: getattr(file, field.name) for field in fields(GeneratedFile)}
    connection.execute(
        insert(generated_files).values(**row, file_id=str(uuid.uuid4()), change=take_change(connection))
    )


def list_files(connection: Connection, thread_id: str) -> list[GeneratedFile]:
    """Give the files made of a thread's drafts, the oldest first."""
    columns = [generated_files.c[field.name] for field in fields(GeneratedFile)]
    statement = (
        select(*columns)
        .join(messages, messages.c.message_id == generated_files.c.message_id)
        .where(messages.c.thread_id == thread_id)
        .order_by(generated_files.c.created_at, generated_files.c.file_id)
    )
    return [GeneratedFile(*row) for row in connection.execute(statement)]
