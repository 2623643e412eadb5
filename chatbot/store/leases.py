"""Turns under way: a thread has at most one, leased to the process that writes its answer.

A lease is renewed while its process lives. Where it has run out, or its process is known to be dead, the answer is
recorded as interrupted and the thread is free again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, delete, insert, or_, select, update

from chatbot.errors import ThreadBusy
from chatbot.store import threads
from chatbot.store.records import Message
from chatbot.store.schema import threads as thread_table
from chatbot.store.schema import turns

LEASE = timedelta(seconds=30)
# Behind the owner's name: somebody else's process was told that this answer is to end early.
STOP = "/stop"

# Built once: each question is one lease.
_RUNNING = select(turns.c.lease_until).where(turns.c.thread_id == bindparam("thread_id"))
_INSERT = insert(turns)
_END = delete(turns).where(turns.c.message_id == bindparam("message_id"))


@dataclass(frozen=True, slots=True)
class Lease:
    """A turn under way: the answer's id and place, and who writes it."""

    thread_id: str
    message_id: str
    user_message_id: str
    position: int
    owner: str
    started_at: datetime


def free_thread(connection: Connection, thread_id: str, now: datetime) -> None:
    """Make sure that no answer of a locked thread is being written; one that was lost is recorded as interrupted.

    Raises:
        ThreadBusy: one is.
    """
    lease_until = connection.execute(_RUNNING, {"thread_id": thread_id}).scalar_one_or_none()
    if lease_until is None:
        return
    if lease_until >= now:
        raise ThreadBusy("The previous answer is still being written. Wait for its end, or stop it.")
    recover_turns(connection, now, thread_id=thread_id)


def take_lease(connection: Connection, lease: Lease) -> None:
    """Reserve a thread that is locked and free for one answer."""
    row = {name: getattr(lease, name) for name in Lease.__slots__}
    connection.execute(_INSERT, row | {"lease_until": lease.started_at + LEASE})


def end_turn(connection: Connection, answer: Message) -> bool:
    """Record the answer of a turn under way and free its thread.

    Returns:
        False where the turn was already given up as interrupted: then nothing is written.
    """
    threads.lock_threads(connection, [answer.thread_id])
    if connection.execute(_END, {"message_id": answer.message_id}).rowcount == 0:
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


def ask_to_stop(connection: Connection, message_id: str, tester: str) -> bool:
    """Ask the process that writes an answer in a thread of a tester's to end it; `list_stopped` tells it.

    Returns:
        False where no such answer is being written.
    """
    his = select(thread_table.c.thread_id).where(thread_table.c.tester == tester)
    statement = update(turns).where(turns.c.message_id == message_id, turns.c.thread_id.in_(his))
    is_asked = turns.c.owner.endswith(STOP, autoescape=True)
    owner = case((is_asked, turns.c.owner), else_=turns.c.owner + STOP)
    return bool(connection.execute(statement.values(owner=owner)).rowcount)


def list_stopped(connection: Connection, message_ids: Sequence[str]) -> list[str]:
    """Give which of these answers somebody asked to end."""
    is_asked = turns.c.owner.endswith(STOP, autoescape=True)
    statement = select(turns.c.message_id).where(turns.c.message_id.in_(message_ids), is_asked)
    return list(connection.execute(statement).scalars())


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
