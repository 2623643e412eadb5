"""Retention and erasure, from the store through every published file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from chatbot.errors import StoreUnavailable, UnknownThread, UsageError
from chatbot.store import erasure
from chatbot.store.engine import Store
from chatbot.store.erasure import THREADS_AT_ONCE, Erasure, Order
from chatbot.store.restoration import PastErasure, find_labels, has_thread, list_erasures
from chatbot.store.threads import lock_threads

ACTOR = "command"
# A century: what is counted back further is before the first of all conversations, or no date.
MOST_DAYS = 36_500
LOCK_TIMEOUT_S = 120.0


def prune(store: Store, older_than_days: int, now: datetime, *, actor: str = ACTOR) -> Erasure:
    """Erase the threads in which nothing was written for so many days, and the logins that ran out before that.

    `Publisher.finish_erasure` then takes it through the published files.

    Raises:
        UsageError: fewer than 1 day, or more than a century's.
    """
    if not 1 <= older_than_days <= MOST_DAYS:
        raise UsageError(
            f"--older-than {older_than_days}: allowed is a number of days from 1 to {MOST_DAYS}."
        )
    before = now - timedelta(days=older_than_days)
    order = Order(actor, "log.prune", f"older than {older_than_days} days")
    erased = Erasure()
    with _erase_alone(store):
        for chosen in _cut(store.read(erasure.list_old_threads, before)):
            erased = store.write(_prune_threads, chosen, before, erased, order, now)
        store.write(erasure.drop_old_logins, before)
    erasure.scrub(store)
    return erased


def erase_tester(store: Store, label: str, now: datetime, *, actor: str = ACTOR) -> Erasure:
    """Erase a tester: threads, logins, and the label in the audit. Nothing of him is no error: the count is 0.

    `Publisher.finish_erasure` then takes it through the published files.
    """
    order = Order(actor, "tester.erase", erasure.fingerprint_tester(label))
    with _erase_alone(store):
        erased = _erase_conversations(store, label, Erasure(), order, now)
        erased = store.write(erasure.erase_tester_traces, label, erased, order, now)
        # His logins are gone: a conversation that was begun meanwhile is the last.
        erased = _erase_conversations(store, label, erased, order, now)
    erasure.scrub(store)
    return erased


def erase_thread(store: Store, thread_id: str, now: datetime, *, actor: str = ACTOR) -> Erasure:
    """Erase a thread.

    `Publisher.finish_erasure` then takes it through the published files. One that an earlier call erased, and did not
    come to its end, is no error: the count is 0.

    Raises:
        UnknownThread: there is none of this id, nor was there.
    """
    order = Order(actor, "thread.erase", thread_id)
    erased = Erasure()
    try:
        with _erase_alone(store):
            erased = store.write(erasure.erase_thread, thread_id, order, now)
    except UnknownThread:
        past = store.read(list_erasures)
        if not any((entry.action, entry.target) == (order.action, thread_id) for entry in past):
            raise
    erasure.scrub(store)
    return erased


def repeat_erasures(store: Store, past: Sequence[PastErasure], now: datetime) -> int:
    """Carry out on a store that was brought back what had been erased since it was saved; give how many orders."""
    known = {order.audit_id for order in store.read(list_erasures)}
    missed = [order for order in past if order.audit_id not in known]
    for order in missed:
        if order.action == "log.prune":
            days = int(order.target.removeprefix("older than ").removesuffix(" days"))
            prune(store, days, order.created_at, actor=order.actor)
        elif order.action == "tester.erase":
            for label in store.read(find_labels, order.target):
                erase_tester(store, label, now, actor=order.actor)
        elif store.read(has_thread, order.target):
            erase_thread(store, order.target, now, actor=order.actor)
    return len(missed)


@contextmanager
def _erase_alone(store: Store) -> Iterator[None]:
    """Keep other erasures away: of two that end in another order than they began the publisher would miss one."""
    try:
        with store.hold_lock("erasure", LOCK_TIMEOUT_S):
            yield
    except TimeoutError as error:
        raise StoreUnavailable(
            f"Another process has been erasing for {LOCK_TIMEOUT_S:g} s. Wait for its end, then try again."
        ) from error


def _erase_conversations(store: Store, label: str, erased: Erasure, order: Order, now: datetime) -> Erasure:
    for chosen in _cut(store.read(erasure.list_tester_threads, label)):
        erased = store.write(erasure.erase_threads, chosen, erased, order, now)
    return erased


def _prune_threads(
    connection: Connection,
    chosen: Sequence[str],
    before: datetime,
    erased: Erasure,
    order: Order,
    now: datetime,
) -> Erasure:
    # Asked again once nobody can write to them: somebody may have since, or be about to.
    lock_threads(connection, chosen)
    still_old = erasure.list_old_threads(connection, before, chosen)
    return erasure.erase_threads(connection, still_old, erased, order, now) if still_old else erased


def _cut(thread_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(thread_ids), THREADS_AT_ONCE):
        yield thread_ids[first : first + THREADS_AT_ONCE]
