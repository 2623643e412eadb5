"""Drafts of assistants: one each, shared by all who edit it, never published and never in the log.

Writing: `save_draft`, `discard_draft`. Reading: `read_draft`, `list_drafts`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from chatbot.errors import EditConflict
from chatbot.store.schema import assistant_drafts


@dataclass(frozen=True, slots=True)
class AssistantDraft:
    """What an assistant is to become; `revision` counts the saves from 1, `author` made the last one.

    `base_version` is the version it was made from; None where the assistant has none yet.
    """

    assistant: str
    definition: str
    base_version: int | None
    revision: int
    author: str
    note: str
    updated_at: datetime


_COLUMNS = [assistant_drafts.c[field.name] for field in fields(AssistantDraft)]


def save_draft(
    connection: Connection,
    assistant: str,
    definition: str,
    base_version: int | None,
    author: str,
    note: str,
    now: datetime,
    *,
    revision: int,
) -> AssistantDraft:
    """Keep a draft; gives it as it is kept.

    Args:
        revision: of the save that the author began from; 0 where there was no draft.

    Raises:
        EditConflict: somebody saved, published or discarded it since; it names who saved, and when.
    """
    saved = AssistantDraft(assistant, definition, base_version, revision + 1, author, note, now)
    if not revision:
        if known := read_draft(connection, assistant):
            raise _conflict(assistant, known)
        # Of two who begin at once the second breaks the key; run again, he is told.
        connection.execute(insert(assistant_drafts).values(asdict(saved)))
        return saved
    is_it = (assistant_drafts.c.assistant == assistant) & (assistant_drafts.c.revision == revision)
    if not connection.execute(update(assistant_drafts).where(is_it).values(asdict(saved))).rowcount:
        raise _conflict(assistant, read_draft(connection, assistant))
    return saved


def discard_draft(connection: Connection, assistant: str, *, revision: int) -> bool:
    """Forget a draft; gives whether there was one.

    Args:
        revision: of the save that is discarded.

    Raises:
        EditConflict: somebody saved it since.
    """
    is_it = (assistant_drafts.c.assistant == assistant) & (assistant_drafts.c.revision == revision)
    if connection.execute(delete(assistant_drafts).where(is_it)).rowcount:
        return True
    if known := read_draft(connection, assistant):
        raise _conflict(assistant, known)
    return False


def read_draft(connection: Connection, assistant: str) -> AssistantDraft | None:
    """Give an assistant's draft; None where there is none."""
    statement = select(*_COLUMNS).where(assistant_drafts.c.assistant == assistant)
    row = connection.execute(statement).one_or_none()
    return AssistantDraft(*row) if row else None


def list_drafts(connection: Connection) -> list[AssistantDraft]:
    """Give all drafts, by assistant."""
    rows = connection.execute(select(*_COLUMNS).order_by(assistant_drafts.c.assistant))
    return [AssistantDraft(*row) for row in rows]


def _conflict(assistant: str, known: AssistantDraft | None) -> EditConflict:
    if known is None:
        return EditConflict(
            f"The draft of {assistant} was published or discarded since you began. Your text is still here: compare it "
            "with what is in force, then save it again."
        )
    moment = known.updated_at.strftime("%Y-%m-%d %H:%M")
    return EditConflict(
        f"{known.author} has saved the draft of {assistant} since you began, at {moment} UTC. Your text is still here: "
        "compare the two, then save again."
    )
