"""A thread has one turn under way at most; what its process leaves behind becomes an interrupted row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from chatbot.errors import ThreadBusy
from chatbot.store import leases, threads
from chatbot.store.engine import Store
from chatbot.store.leases import LEASE, Lease
from chatbot.store.records import Message, Thread
from tests.conftest import Clock

TICK = timedelta(microseconds=1)


def make_lease(clock: Clock, thread_id: str = "t1", owner: str = "chat:a", name: str = "m1") -> Lease:
    """Give a turn that begins now."""
    return Lease(thread_id, name, f"u-{name}", 1, owner, clock())


def make_answer(clock: Clock, name: str = "m1", thread_id: str = "t1") -> Message:
    """Give the answer of a turn."""
    return Message(name, thread_id, 1, "bot", "Port 4180.", clock())


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    """Give a store with two threads, each asked once."""
    for thread_id in ("t1", "t2"):
        store.write(
            threads.add_thread, Thread(thread_id, "support", "api", "beta-1", None, None, "en", clock())
        )
        store.write(
            threads.add_message, Message(f"u-{thread_id}", thread_id, 0, "user", "Which port?", clock())
        )
    return store


def take(connection: Connection, lease: Lease) -> None:
    """Reserve a thread as a turn does."""
    threads.lock_threads(connection, [lease.thread_id])
    leases.free_thread(connection, lease.thread_id, lease.started_at)
    leases.take_lease(connection, lease)


def list_answers(store: Store, thread_id: str = "t1") -> list[Message]:
    """Give the answers of a thread."""
    found = store.read(threads.list_messages, thread_id)
    return [message for message in found if message.origin == "bot"]


def test_thread_under_way_is_busy(filled: Store, clock: Clock) -> None:
    """A second turn of the same thread is refused, whoever asks; another thread is free."""
    filled.write(take, make_lease(clock))
    with pytest.raises(ThreadBusy):
        filled.write(take, make_lease(clock, owner="chat:b", name="m2"))
    filled.write(take, make_lease(clock, "t2", name="m2"))
    assert filled.read(leases.find_lease, "t1") == make_lease(clock)


def test_turn_is_found_by_its_answer_for_its_tester(filled: Store, clock: Clock) -> None:
    """Who asked finds the turn under way by the answer's id; nobody else does, nor anyone after the end."""
    filled.write(take, make_lease(clock))
    assert filled.read(leases.find_turn, "m1", "beta-1") == make_lease(clock)
    assert filled.read(leases.find_turn, "m1", "beta-2") is None
    assert filled.read(leases.find_turn, "m2", "beta-1") is None
    filled.write(leases.end_turn, make_answer(clock))
    assert filled.read(leases.find_turn, "m1", "beta-1") is None


def test_end_records_the_answer_and_frees_the_thread(filled: Store, clock: Clock) -> None:
    """With its answer the turn is over, in one step."""
    filled.write(take, make_lease(clock))
    assert filled.write(leases.end_turn, make_answer(clock)) is True
    assert filled.read(leases.find_lease, "t1") is None
    assert list_answers(filled) == [make_answer(clock)]


def test_turn_given_up_is_not_ended_again(filled: Store, clock: Clock) -> None:
    """An answer that comes after its turn was recorded as interrupted is not written: a row is inserted once."""
    filled.write(take, make_lease(clock))
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert filled.write(leases.recover_turns, clock()) == ["m1"]
    assert filled.write(leases.end_turn, make_answer(clock)) is False
    assert [answer.status for answer in list_answers(filled)] == ["interrupted"]


def test_lost_turn_is_an_interrupted_row(filled: Store, clock: Clock) -> None:
    """A lease that ran out leaves an empty row at the answer's place, under its id, and the fault is the service's."""
    filled.write(take, make_lease(clock))
    clock.now += LEASE
    assert filled.write(leases.recover_turns, clock()) == []
    clock.now += TICK
    assert filled.write(leases.recover_turns, clock()) == ["m1"]
    [row] = list_answers(filled)
    assert (row.message_id, row.position, row.content) == ("m1", 1, "")
    assert (row.status, row.error_origin, row.error_code) == ("interrupted", "service", "interrupted")
    assert row.created_at == clock()
    assert filled.read(leases.find_lease, "t1") is None


def test_new_turn_recovers_the_lost_one(filled: Store, clock: Clock) -> None:
    """The next question does not wait for a restart: it finds the thread free once the lease has run out."""
    filled.write(take, make_lease(clock))
    clock.now += LEASE + TICK
    filled.write(take, replace(make_lease(clock, name="m2"), position=3))
    lease = filled.read(leases.find_lease, "t1")
    assert lease is not None
    assert lease.message_id == "m2"
    assert [answer.status for answer in list_answers(filled)] == ["interrupted"]


def test_renewal_keeps_the_turns_named_and_no_others(filled: Store, clock: Clock) -> None:
    """A turn that is still being answered is kept; one that nobody names runs out though its process lives."""
    filled.write(take, make_lease(clock))
    filled.write(take, make_lease(clock, "t2", name="m2"))
    clock.now += LEASE
    filled.write(leases.renew_leases, ["m1"], clock())
    clock.now += TICK
    assert filled.write(leases.recover_turns, clock()) == ["m2"]
    clock.now += LEASE
    assert filled.write(leases.recover_turns, clock()) == ["m1"]


def test_dead_owners_lose_their_turns_at_once(filled: Store, clock: Clock) -> None:
    """Turns of processes known to be dead do not wait for their lease; the name's beginning is taken literally."""
    filled.write(take, make_lease(clock, owner="chat:a"))
    filled.write(take, make_lease(clock, "t2", owner="cli:b", name="m2"))
    for nobody in ("chat_", "c%", "hat:"):
        assert filled.write(leases.recover_turns, clock(), dead_owners=nobody) == []
    assert filled.write(leases.recover_turns, clock(), dead_owners="chat:") == ["m1"]
    assert filled.read(leases.find_lease, "t2") is not None


def test_recovery_of_one_thread_leaves_the_others(filled: Store, clock: Clock) -> None:
    """Asked for one thread, recovery touches no other."""
    filled.write(take, make_lease(clock))
    filled.write(take, make_lease(clock, "t2", name="m2"))
    clock.now += LEASE + TICK
    assert filled.write(leases.recover_turns, clock(), thread_id="t2") == ["m2"]
    assert filled.read(leases.find_lease, "t1") is not None


def test_tester_asks_whoever_writes_to_end_the_answer(filled: Store, clock: Clock) -> None:
    """The turn asked for is told apart, however often he asks; nobody else's word counts, nor one after the end."""
    filled.write(take, make_lease(clock))
    filled.write(take, make_lease(clock, "t2", name="m2"))
    assert filled.write(leases.ask_to_stop, "m1", "beta-2") is False
    assert filled.read(leases.list_stopped, ["m1", "m2"]) == []
    assert filled.write(leases.ask_to_stop, "m1", "beta-1") is True
    assert filled.write(leases.ask_to_stop, "m1", "beta-1") is True
    assert filled.read(leases.list_stopped, ["m1", "m2"]) == ["m1"]
    filled.write(leases.end_turn, make_answer(clock))
    assert filled.write(leases.ask_to_stop, "m1", "beta-1") is False
    assert filled.read(leases.list_stopped, ["m1", "m2"]) == []


def test_turn_asked_to_end_still_belongs_to_its_process(filled: Store, clock: Clock) -> None:
    """Where that process died instead, its turns are recovered as ever."""
    filled.write(take, make_lease(clock))
    filled.write(leases.ask_to_stop, "m1", "beta-1")
    assert filled.write(leases.recover_turns, clock(), dead_owners="chat:") == ["m1"]
