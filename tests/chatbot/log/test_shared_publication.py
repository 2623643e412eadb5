"""The log of a store that many write at once: nothing is skipped that ends late, one publishes at a time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection

from chatbot.errors import LogUnavailable, UnknownThread
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store import erasure, threads
from chatbot.store.engine import Store
from chatbot.store.erasure import Erasure, Order
from chatbot.store.records import Thread
from tests.chatbot.log.rows import read_log, write_conversation, write_thread, write_turn
from tests.conftest import Clock
from tests.postgres_server import PostgresServer

WAIT_S = 20
COUNT = "SELECT count(*) FROM threads"
WATCH = """
import sys
from chatbot import cli
sys.exit(cli.main(["publish", "--watch"]))
"""
HANG = """
import sys, time
from pathlib import Path
from chatbot.log import edition, publisher
from chatbot.store.engine import Store

def hang(*_, **__):
    print("at it", flush=True)
    time.sleep(60)

edition.write_file = hang
publisher.Publisher(Store(sys.argv[1]), Path(sys.argv[2]), timezone="UTC", interval_s=1).publish()
"""


@pytest.fixture
def store(postgres_url: str, clock: Clock) -> Iterator[Store]:
    """Give an empty store on a server."""
    store = Store(postgres_url, clock=clock)
    yield store
    store.close()


class Late:
    """A write that is done and not committed until it is told to be."""

    def __init__(self, store: Store, clock: Clock, name: str = "late") -> None:
        self._written, self._gate = threading.Event(), threading.Event()
        self._future = store.submit(
            self._write, Thread(name, "support", "api", "a-1", None, None, "en", clock())
        )
        assert self._written.wait(WAIT_S)

    def commit(self) -> None:
        """Let it commit, and wait until it has."""
        self._gate.set()
        self._future.result(WAIT_S)

    def _write(self, connection: Connection, thread: Thread) -> None:
        threads.add_thread(connection, thread)
        self._written.set()
        assert self._gate.wait(WAIT_S)


def list_threads(log_path: Path) -> set[str]:
    """Give the ids of the threads that are published."""
    return {row[0] for row in read_log(log_path, "SELECT CAST(thread_id AS VARCHAR) FROM threads")}


def test_what_ends_late_is_not_skipped(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A row that was written first and becomes visible last is published once it is, with all that came between."""
    early = write_thread(store, clock())
    late_id = "00000000-0000-4000-8000-000000000001"
    late = Late(store, clock, late_id)
    between = write_thread(store, clock())
    publisher.publish()
    assert list_threads(log_path) == {early}
    late.commit()
    publisher.publish()
    assert list_threads(log_path) == {early, late_id, between}
    assert verify(store, data_dir) == []


def test_what_others_do_to_the_server_publishes_nothing(
    store: Store, publisher: Publisher, clock: Clock
) -> None:
    """Transactions that change no published row move no generation, though they count on."""
    write_conversation(store, clock())
    first = publisher.publish()
    for _ in range(3):
        store.write(lambda connection: connection.exec_driver_sql("SELECT pg_current_xact_id()"))
    again = publisher.publish()
    assert (again.generation, again.is_new) == (first.generation, False)
    assert first.is_rebuild and first.rows > 0


def test_changed_row_replaces_the_one_published(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """Later publications carry over what came since, and no more."""
    thread_id = write_conversation(store, clock())
    publisher.publish()
    write_turn(store, thread_id, clock(), position=2)
    second = publisher.publish()
    assert (second.is_rebuild, second.rows) == (False, 3)
    assert read_log(log_path, "SELECT count(*), count(DISTINCT position) FROM messages") == [(4, 4)]


def test_erasure_reaches_the_log_while_another_transaction_runs(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """What was erased goes with the next publication, whatever has not ended meanwhile."""
    gone, kept = (write_conversation(store, clock()) for _ in range(2))
    publisher.publish()
    late = Late(store, clock, "00000000-0000-4000-8000-000000000001")
    store.write(erasure.erase_threads, [gone], Erasure(), Order("command", "thread.erase", gone), clock())
    publisher.publish()
    assert list_threads(log_path) == {kept}
    late.commit()
    publisher.publish()
    assert len(list_threads(log_path)) == 2


def test_transactions_that_end_in_any_order_are_all_published(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """While many write, and some take long, every generation is whole and the last one holds all."""
    dice = random.Random(5)
    pauses = [[dice.random() * 0.02 for _ in range(2)] for _ in range(120)]

    def write(waits: list[float]) -> None:
        def job(connection: Connection) -> None:
            time.sleep(waits[0])
            thread_id = threads_made.pop()
            thread = Thread(thread_id, "support", "api", "a-1", None, None, "en", clock())
            threads.add_thread(connection, thread)
            time.sleep(waits[1])

        store.write(job)

    threads_made = [f"00000000-0000-4000-8000-{number:012}" for number in range(120)]
    published = 0
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, waits) for waits in pauses]
        while not all(future.done() for future in writes):
            published += publisher.publish().rows
    assert all(future.exception() is None for future in writes)
    published += publisher.publish().rows
    # Each row was carried over once: none twice, none never.
    assert published == 120
    assert read_log(log_path, COUNT) == [(120,)]
    assert verify(store, data_dir) == []


def test_what_is_written_after_a_crash_of_the_server_is_published(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock, postgres_server: PostgresServer
) -> None:
    """A crashed server gives the ids of transactions anew that left nothing: what comes under them is not skipped."""

    def refuse(connection: Connection) -> None:
        raise UnknownThread("There is no such thread.")

    before = write_thread(store, clock())
    for _ in range(20):
        with pytest.raises(UnknownThread):
            store.write(refuse)
    publisher.publish()
    postgres_server.stop(signal.SIGQUIT)
    postgres_server.start()
    # More than were refused: the last ones lie above any mark.
    after = {write_thread(store, clock()) for _ in range(30)}
    publisher.publish()
    assert list_threads(log_path) == {before, *after}


def test_publisher_that_dies_is_succeeded(
    store: Store, postgres_url: str, publisher: Publisher, log_path: Path, tmp_path: Path, clock: Clock
) -> None:
    """Only one publishes at a time, on whatever machine; where it is killed, the next one goes on."""
    write_conversation(store, clock())
    with subprocess.Popen(
        [sys.executable, "-c", HANG, postgres_url, str(tmp_path / "elsewhere")],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout and other.stdout.readline() == "at it\n"
        with pytest.raises(LogUnavailable, match="Another process"):
            publisher.publish(lock_timeout_s=0.2)
        other.kill()
        publisher.publish(lock_timeout_s=10)
    assert read_log(log_path, COUNT) == [(1,)]


def test_watching_command_publishes_what_ends_late(
    store: Store, postgres_url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`publish --watch` over a server carries over a transaction that commits after later ones were published."""
    for name, value in {
        "STORE_URL": postgres_url,
        "DATA_DIR": tmp_path / "data",
        "PUBLISH_INTERVAL": 0.05,
    }.items():
        monkeypatch.setenv(name, str(value))
    log_path = tmp_path / "data" / "conversations.duckdb"
    late = Late(store, clock, "00000000-0000-4000-8000-000000000001")
    with subprocess.Popen([sys.executable, "-c", WATCH], cwd=tmp_path) as command:
        try:
            wait_for_threads(log_path, 0)
            for _ in range(3):
                write_thread(store, clock())
            late.commit()
            wait_for_threads(log_path, 4)
        finally:
            command.send_signal(signal.SIGTERM)
        assert command.wait(WAIT_S) == 0


def wait_for_threads(log_path: Path, count: int) -> None:
    """Wait until so many threads are published."""
    end = time.monotonic() + WAIT_S
    while not log_path.exists() or read_log(log_path, COUNT) != [(count,)]:
        assert time.monotonic() < end
        time.sleep(0.05)
