"""Erasure deletes all that hangs on a thread and nothing else, and leaves one tombstone and one audit entry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from chatbot.errors import UnknownThread
from chatbot.store import erasure, schema
from chatbot.store.changes import read_counter, take_change
from chatbot.store.engine import Store
from chatbot.store.erasure import Erasure, Order
from chatbot.store.integrity import find_faults
from chatbot.store.leases import Lease, take_lease
from chatbot.store.records import Feedback
from chatbot.store.threads import add_feedback
from tests.chatbot.log.rows import write_conversation, write_thread, write_turn
from tests.conftest import Clock

ORDER = Order("anne", "thread.erase", "one thread")


def read_all(store: Store, name: str) -> list[Any]:
    """Give all rows of a table."""
    return list(store.read(lambda connection: connection.execute(select(schema.metadata.tables[name])).all()))


def fill(store: Store, thread_id: str, clock: Clock) -> None:
    """Hang a row of every kind on a thread."""
    message_id = write_turn(store, thread_id, clock(), position=0)
    store.write(add_feedback, Feedback(message_id, 1, None, None, clock()))

    def add_rest(connection: Connection) -> None:
        change = take_change(connection)
        rows = (
            (schema.requests, {"message_id": message_id, "created_at": clock(), "change": change}),
            (schema.ratings, {"thread_id": thread_id, "value": 5, "created_at": clock(), "change": change}),
            (
                schema.thread_forms,
                {"thread_id": thread_id, "field": "os", "value": "linux", "change": change},
            ),
            (
                schema.idempotency_keys,
                {
                    "tester": thread_id,
                    "key": "k",
                    "fingerprint": "f",
                    "message_id": message_id,
                    "created_at": clock(),
                },
            ),
        )
        for table, values in rows:
            connection.execute(insert(table).values(values))

    store.write(add_rest)
    store.write(take_lease, Lease(thread_id, f"a-{thread_id[:8]}", f"q-{thread_id[:8]}", 3, "me", clock()))


def test_thread_goes_with_all_that_hangs_on_it(store: Store, clock: Clock) -> None:
    """No table keeps a row of the thread, every table keeps the other thread's."""
    thread_id, other = write_thread(store, clock()), write_thread(store, clock())
    for one in (thread_id, other):
        fill(store, one, clock)
    tables = (
        "threads",
        "messages",
        "passages_used",
        "feedback_events",
        "requests",
        "ratings",
        "thread_forms",
    )
    tables += ("idempotency_keys", "turns")
    before = {name: len(read_all(store, name)) for name in tables}
    result = store.write(erasure.erase_thread, thread_id, ORDER, clock())
    assert {name: len(read_all(store, name)) for name in tables} == {
        name: n // 2 for name, n in before.items()
    }
    assert result == Erasure(1, 2, sum(before.values()) // 2)
    assert [fault for fault in store.read(find_faults) if fault.code != "turn_over"] == []


def test_order_of_many_transactions_is_one_entry(store: Store, clock: Clock) -> None:
    """Tombstone and audit entry are renewed under a new change by each transaction of an order."""
    ids = [write_conversation(store, clock()) for _ in range(3)]
    erased = store.write(erasure.erase_threads, ids[:2], Erasure(), ORDER, clock())
    first = read_all(store, "tombstones")[0]
    store.write(erasure.erase_threads, ids[2:], erased, ORDER, clock())
    (tombstone,) = read_all(store, "tombstones")
    (entry,) = read_all(store, "audit")
    assert tombstone.rows_deleted == 12 and tombstone.change > first.change
    assert tombstone.change == entry.change == store.read(read_counter)
    assert (entry.actor, entry.action, entry.detail) == ("anne", "thread.erase", "3 threads, 6 messages")


def test_who_comes_second_records_nothing(store: Store, clock: Clock) -> None:
    """Replicas keep retention at the same hour: threads that another has erased meanwhile make no second entry."""
    assert store.write(erasure.erase_threads, ["gone"], Erasure(), ORDER, clock()) == Erasure()
    assert read_all(store, "audit") == read_all(store, "tombstones") == []


def test_unknown_thread_is_refused(store: Store, clock: Clock) -> None:
    """Nothing is written for a thread that is not there."""
    with pytest.raises(UnknownThread):
        store.write(erasure.erase_thread, "nothing", ORDER, clock())
    assert read_all(store, "tombstones") == []


def test_thread_is_old_by_its_last_message(store: Store, clock: Clock) -> None:
    """A thread that is being answered is never old; an empty one is as old as its start."""
    long_ago = clock() - timedelta(days=10)
    old, busy, alive = (write_conversation(store, long_ago) for _ in range(3))
    empty = write_thread(store, long_ago)
    write_turn(store, alive, clock(), position=2)
    store.write(take_lease, Lease(busy, "a", "q", 3, "me", clock()))
    before = clock() - timedelta(days=5)
    assert set(store.read(erasure.list_old_threads, before)) == {old, empty}
    assert store.read(erasure.list_old_threads, before, [alive, empty]) == [empty]


def test_scrub_empties_the_journal(sqlite_store: Store, clock: Clock) -> None:
    """The write-ahead journal has no bytes left, and the store goes on."""
    store = sqlite_store
    write_conversation(store, clock())
    journal = store.path.with_name(f"{store.path.name}-wal")
    assert journal.stat().st_size > 0
    erasure.scrub(store)
    assert journal.stat().st_size == 0
    write_conversation(store, clock())
    assert len(read_all(store, "threads")) == 2


def test_scrub_gives_up_on_a_reader_that_stays(
    sqlite_store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that holds the journal is waited for, then named."""
    from chatbot.errors import StoreUnavailable

    store = sqlite_store
    write_conversation(store, clock())
    monkeypatch.setattr(erasure, "SCRUB_TIMEOUT_S", 0.0)

    def hold(connection: Connection) -> None:
        connection.execute(select(schema.threads)).all()
        write_conversation(store, clock())
        with pytest.raises(StoreUnavailable, match="in use"):
            erasure.scrub(store)

    store.read(hold)
    erasure.scrub(store)
