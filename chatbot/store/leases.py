"""Turns under way: a thread has at most one, leased to the process that writes its answer.

A lease is renewed while its process lives. Where it has run out, or its process is known to be dead, the answer is
recorded as interrupted and the thread is free again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from chatbot.errors import ThreadBusy
from chatbot.store import threads
from chatbot.store.records import Message
from chatbot.store.schema import threads as thread_table
from chatbot.store.schema import turns

LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Lease:
    """A turn under way: the answer's id and place, and who writes it."""

    thread_id: str
    message_id: str
    user_message_id: str
    position: int
    owner: str
    started_at: datetime


def take_lease(connection: Connection, lease: Lease) -> None:
    """Reserve the thread for one answer.

    Raises:
        ThreadBusy: another answer of the thread is being written.
    """
    threads.lock_threads(connection, [lease.thread_id])
    recover_turns(connection, lease.started_at, thread_id=lease.thread_id)
    running = select(turns.c.message_id).where(turns.c.thread_id == lease.thread_id)
    if connection.execute(running).scalar_one_or_none():
        raise ThreadBusy("The previous answer is still being written. Wait for its end, or stop it.")
    connection.execute(
        insert(turns).values(
            thread_id=lease.thread_id,
            message_id=lease.message_id,
            user_message_id=lease.user_message_id,
            position=lease.position,
            owner=lease.owner,
            started_at=lease.started_at,
            lease_until=lease.started_at + LEASE,
        )
    )


def end_turn(connection: Connection, answer: Message) -> bool:
    """Record the answer of a turn under way and free its thread.

    Returns:
        False where the turn was already given up as interrupted: then nothing is written.
    """
    threads.lock_threads(connection, [answer.thread_id])
    statement = delete(turns).where(turns.c.message_id == answer.message_id)
    if connection.execute(statement).rowcount == 0:
        return False
    threads.add_message(connection, answer)
    return True


def renew_leases(connection: Connection, message_ids: Sequence[str], now: datetime) -> None:
    """Keep the turns that are still being answered."""
    connection.execute(
        update(turns).where(turns.c.message_id.in_(message_ids)).values(lease_until=now + LEASE)
    )


def find_lease(connection: Connection, thread_id: str) -> Lease | None:
    """Give the turn under way of a thread."""
    columns = (turns.c[name] for name in Lease.__slots__)
    row = connection.execute(select(*columns).where(turns.c.thread_id == thread_id)).one_or_none()
    return Lease(*row) if row else None


def find_turn(connection: Connection, message_id: str, tester: str) -> Lease | None:
    """Give the turn under way of an answer in a thread of a tester's."""
    columns = (turns.c[name] for name in Lease.__slots__)
    statement = (
        select(*columns)
        .join(thread_table, thread_table.c.thread_id == turns.c.thread_id)
        .where(turns.c.message_id == message_id, thread_table.c.tester == tester)
    )
    row = connection.execute(statement).one_or_none()
    return Lease(*row) if row else None


def recover_turns(
    connection: Connection, now: datetime, *, dead_owners: str = "", thread_id: str = ""
) -> list[str]:
    """Record as interrupted the turns whose process is gone.

    Args:
        dead_owners: beginning of the names of processes known to be dead; else only leases that ran out.
        thread_id: only this thread's.

    Returns:
        The ids of the answers.
    """
    is_lost = turns.c.lease_until < now
    if dead_owners:
        is_lost = or_(is_lost, turns.c.owner.startswith(dead_owners, autoescape=True))
    columns = (turns.c[name] for name in Lease.__slots__)
    statement = select(*columns).where(is_lost).order_by(turns.c.thread_id)
    if thread_id:
        statement = statement.where(turns.c.thread_id == thread_id)
    lost: Sequence[Lease] = [Lease(*row) for row in connection.execute(statement)]
    for lease in lost:
        end_turn(
            connection,
            Message(
                message_id=lease.message_id,
                thread_id=lease.thread_id,
                position=lease.position,
                origin="bot",
                content="",
                created_at=now,
                status="interrupted",
                error_origin="service",
                error_code="interrupted",
            ),
        )
    return [lease.message_id for lease in lost]
