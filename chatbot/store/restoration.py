"""What a store that is brought back from a backup needs: an id of its own, and the erasures that came after it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from chatbot.store.erasure import fingerprint_tester
from chatbot.store.schema import audit, logins, meta, threads

ERASING_ACTIONS = ("thread.erase", "tester.erase", "log.prune")


@dataclass(frozen=True, slots=True)
class PastErasure:
    """An erasure that the audit tells of."""

    audit_id: str
    created_at: datetime
    actor: str
    action: str
    target: str


def renew_store_id(connection: Connection) -> None:
    """Give the store a new id: what was published from another state of it is not continued."""
    connection.execute(update(meta).where(meta.c.name == "store_id").values(value=str(uuid.uuid4())))


def list_erasures(connection: Connection) -> list[PastErasure]:
    """Give every erasure that the audit knows, the oldest first."""
    columns = audit.c["audit_id", "created_at", "actor", "action", "target"]
    statement = select(*columns).where(audit.c.action.in_(ERASING_ACTIONS)).order_by(audit.c.created_at)
    return [PastErasure(*row) for row in connection.execute(statement)]


def has_thread(connection: Connection, thread_id: str) -> bool:
    """Tell whether there is a thread of this id."""
    return (
        connection.execute(select(threads.c.thread_id).where(threads.c.thread_id == thread_id)).first()
        is not None
    )


def find_labels(connection: Connection, fingerprint: str) -> list[str]:
    """Give the labels of testers that the audit names by a fingerprint."""
    labels = select(threads.c.tester).union(select(logins.c.tester))
    found = connection.execute(labels).scalars().all()
    return [label for label in found if fingerprint_tester(label) == fingerprint]
