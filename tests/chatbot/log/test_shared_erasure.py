"""Retention and erasure where several processes write to one store at once."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from chatbot.log.erase import erase_thread, prune
from chatbot.store import leases, threads
from chatbot.store.engine import Store
from chatbot.store.leases import Lease
from chatbot.store.records import Message
from chatbot.store.restoration import has_thread
from tests.chatbot.log.rows import write_conversation
from tests.conftest import Clock

WAIT_S = 60
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def store(postgres_url: str, clock: Clock) -> Iterator[Store]:
    """Give an empty store on a server."""
    store = Store(postgres_url, clock=clock)
    yield store
    store.close()


def make_message(thread_id: str, moment: datetime, position: int) -> Message:
    """Give a message of the tester's."""
    return Message(str(uuid.uuid4()), thread_id, position, "user", "And then?", moment)


def count_waiting(store: Store) -> int:
    """Count the transactions that wait for another's lock."""
    return int(store.read(lambda connection: connection.exec_driver_sql(WAITING).scalar_one()))


def test_thread_in_which_somebody_is_about_to_write_is_not_old(store: Store, clock: Clock) -> None:
    """Retention waits for the message that is being stored, and leaves its thread."""
    thread_id = write_conversation(store, clock() - timedelta(days=40))
    written, gate = threading.Event(), threading.Event()

    def ask(connection: Connection) -> None:
        threads.lock_threads(connection, [thread_id])
        threads.add_message(connection, make_message(thread_id, clock(), position=2))
        written.set()
        assert gate.wait(WAIT_S)

    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(store.write, ask)
        assert written.wait(WAIT_S)
        pruned = pool.submit(prune, store, 30, clock())
        end = time.monotonic() + WAIT_S
        while not count_waiting(store):
            assert time.monotonic() < end
            time.sleep(0.02)
        gate.set()
        asked.result(WAIT_S)
        assert pruned.result(WAIT_S).threads == 0
    assert store.read(has_thread, thread_id)


def test_answer_of_an_erased_thread_is_not_kept(store: Store, clock: Clock) -> None:
    """A replica that was still writing it finds its turn given up, and leaves nothing."""
    thread_id = write_conversation(store, clock())
    answer = make_message(thread_id, clock(), position=3)
    lease = Lease(thread_id, answer.message_id, "asked", 3, "chat:a", clock())
    store.write(leases.take_lease, lease)
    erase_thread(store, thread_id, clock())
    assert store.write(leases.end_turn, answer) is False
    assert store.read(threads.list_messages, thread_id) == []
