"""The store on a server: connections that are lost, servers that end, jobs that meet."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from chatbot.errors import StorageFull, StoreUnavailable, ThreadBusy
from chatbot.store import changes, counters, leases, threads
from chatbot.store import postgresql as postgresql_module
from chatbot.store.engine import Store
from chatbot.store.leases import Lease
from chatbot.store.records import Thread
from tests.chatbot.store.rows import add, list_names
from tests.conftest import Clock
from tests.postgres_server import PostgresServer

END = timedelta(days=1)
WRITERS = 4
HOLD_LOCK = """
import sys, time
from chatbot.store.engine import Store
with Store(sys.argv[1]).hold_lock("publisher", 0):
    print("held", flush=True)
    time.sleep(60)
"""


def cut_connection(connection: Connection) -> None:
    """Have the server end the connection, as a restart does."""
    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def count_one(connection: Connection, clock: Clock, key: str = "k") -> int:
    """Count one: done twice, it is seen."""
    return counters.increase(connection, key, 1, clock(), clock() + END)


def read_count(store: Store, clock: Clock, key: str = "k") -> int:
    """Give what was counted."""
    return store.read(counters.read_counter, key, clock())[0]


def test_lost_connection_costs_nothing(postgres_store: Store, clock: Clock) -> None:
    """A job whose connection is lost before its end is run again, and done once."""
    tries = iter([True, False])

    def job(connection: Connection) -> int:
        count = count_one(connection, clock)
        if next(tries):
            cut_connection(connection)
        return count

    assert postgres_store.write(job) == 1
    assert read_count(postgres_store, clock) == 1


def test_read_is_made_again_on_another_connection(postgres_store: Store) -> None:
    """A read whose connection is lost gives its result all the same."""
    postgres_store.write(add, "a")
    tries = iter([True, False])

    def job(connection: Connection) -> list[str]:
        if next(tries):
            cut_connection(connection)
        return list_names(connection)

    assert postgres_store.read(job) == ["a"]


@pytest.mark.parametrize("is_durable", [True, False])
def test_commit_without_a_reply_is_looked_up(postgres_store: Store, clock: Clock, is_durable: bool) -> None:
    """A connection lost while committing leaves the job done once, whether the commit had come through or not."""
    tries = iter([True, False])

    def job(connection: Connection) -> int:
        driver: Any = connection.connection.dbapi_connection
        commit = driver.commit

        def lose() -> None:
            if is_durable:
                commit()
            driver.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        if next(tries):
            driver.commit = lose
        return count_one(connection, clock)

    assert postgres_store.write(job) == 1
    assert read_count(postgres_store, clock) == 1


@contextmanager
def keep_counting(store: Store, clock: Clock) -> Iterator[list[Future[int]]]:
    """Have some threads count without pause, each under a key of its own; gives a future for each."""
    stop = threading.Event()

    def count(key: str) -> int:
        told = 0
        while not stop.is_set():
            told += 1
            assert store.write(count_one, clock, key) == told
        return told

    with ThreadPoolExecutor(WRITERS) as pool:
        futures = [pool.submit(count, f"k{number}") for number in range(WRITERS)]
        try:
            yield futures
        finally:
            stop.set()


def wait_for_progress(store: Store, clock: Clock, futures: Sequence[Future[int]]) -> None:
    """Wait until every thread of `keep_counting` has counted some more; none has failed."""
    before = [read_count(store, clock, f"k{number}") for number in range(WRITERS)]
    end = time.monotonic() + 120
    while any(read_count(store, clock, f"k{n}") < count + 5 for n, count in enumerate(before)):
        assert time.monotonic() < end and not any(future.done() for future in futures)
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_restart_of_the_server_loses_and_doubles_nothing(
    number: signal.Signals, postgres_server: PostgresServer, postgres_store: Store, clock: Clock
) -> None:
    """Whether the server ends in order or crashes, writers wait for it, and each write is done once."""
    restart_under_load(postgres_server, postgres_store, clock, [number])


@pytest.mark.long
def test_server_crashes_again_and_again(
    postgres_server: PostgresServer, postgres_store: Store, clock: Clock
) -> None:
    """The same many times over: a commit is lost in just the wrong moment now and then."""
    restart_under_load(postgres_server, postgres_store, clock, [signal.SIGQUIT] * 50)


def restart_under_load(
    server: PostgresServer, store: Store, clock: Clock, signals: Sequence[signal.Signals]
) -> None:
    """Count, end and start the server in between, and compare what was counted with what was told."""
    with keep_counting(store, clock) as futures:
        wait_for_progress(store, clock, futures)
        for number in signals:
            server.stop(number)
            server.start()
            wait_for_progress(store, clock, futures)
    told = [future.result() for future in futures]
    assert [read_count(store, clock, f"k{n}") for n in range(WRITERS)] == told


def test_fail_over_loses_and_doubles_nothing(clock: Clock) -> None:
    """Where another server takes over that had every commit, the writers go on there, and each write is done once."""
    standby = PostgresServer()
    with PostgresServer(synchronous_standby_names="*", synchronous_commit="local") as primary:
        try:
            standby.copy(primary)
            standby.start()
            hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            primary.execute("ALTER SYSTEM SET synchronous_commit = on")
            primary.execute("CREATE DATABASE guichet")
            with closing(Store(f"postgresql://postgres@{hosts}/guichet", clock=clock)) as store:
                store_id = store.read(changes.read_store_id)
                with keep_counting(store, clock) as futures:
                    wait_for_progress(store, clock, futures)
                    primary.stop(signal.SIGQUIT)
                    standby.promote()
                    wait_for_progress(store, clock, futures)
                told = [future.result() for future in futures]
                assert [read_count(store, clock, f"k{n}") for n in range(WRITERS)] == told
                assert store.read(changes.read_store_id) == store_id
        finally:
            standby.__exit__()


def test_outage_that_lasts_is_told_at_once(
    postgres_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the server has been away for longer than it is waited for, callers get their error without waiting."""
    server = PostgresServer()
    with server, closing(Store(server.locate(), clock=clock)) as store:
        monkeypatch.setattr(postgresql_module, "PATIENCE_S", 0.2)
        server.stop()
        with pytest.raises(StoreUnavailable, match="postgres on 127"):
            store.write(count_one, clock)
        monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
        with pytest.raises(StoreUnavailable):
            store.read(list_names)
        monkeypatch.undo()
        server.start()
        assert store.write(count_one, clock) == 1


def test_jobs_that_meet_are_done_one_after_the_other(postgres_store: Store, clock: Clock) -> None:
    """Of many that want the same thread one gets it, and the others are told that it is busy."""
    postgres_store.write(
        threads.add_thread, Thread("t1", "support", "api", "beta-1", None, None, "en", clock())
    )

    def job(connection: Connection, lease: Lease) -> None:
        threads.lock_thread(connection, lease.thread_id, "beta-1")
        leases.free_thread(connection, lease.thread_id, lease.started_at)
        leases.take_lease(connection, lease)

    def take(number: int) -> bool:
        try:
            postgres_store.write(job, Lease("t1", f"m{number}", f"u{number}", 1, f"chat:{number}", clock()))
        except ThreadBusy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) == 1


def test_deadlock_is_resolved_by_another_try(postgres_store: Store) -> None:
    """Two jobs that lock the same rows in opposite orders both come to their end."""
    for name in ("a", "b"):
        postgres_store.write(add, name, "0")
    meeting = threading.Barrier(2)

    def job(connection: Connection, first: str, second: str, meet: Callable[[], object]) -> None:
        for name in (first, second):
            statement = "UPDATE meta SET value = CAST(CAST(value AS int) + 1 AS text) WHERE name = %s"
            connection.exec_driver_sql(statement, (name,))
            if name == first:
                meet()

    def write(first: str, second: str) -> None:
        meets = iter([lambda: meeting.wait(10)])
        postgres_store.write(lambda connection: job(connection, first, second, next(meets, lambda: None)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab", "ba"))
    query = "SELECT value FROM meta WHERE name IN ('a', 'b')"
    assert (
        postgres_store.read(lambda connection: connection.exec_driver_sql(query).scalars().all()) == ["2"] * 2
    )


def test_lock_is_held_by_one_and_goes_with_its_process(postgres_store: Store, postgres_url: str) -> None:
    """Who dies lets go of the lock; the next one has it at once."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, postgres_url], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError), postgres_store.hold_lock("publisher", 0.2):
            pass
        with postgres_store.hold_lock("another", 0):
            pass
        other.kill()
        with postgres_store.hold_lock("publisher", 10):
            pass
    with postgres_store.hold_lock("publisher", 0):
        pass


def test_database_brought_back_from_a_dump_is_another_store(
    postgres_server: PostgresServer, postgres_store: Store, postgres_url: str, clock: Clock
) -> None:
    """A copy has an id of its own, and numbers above all that its rows bear, whatever the server's own count is."""
    thread = Thread("t1", "support", "api", "beta-1", None, None, "en", clock())
    postgres_store.write(threads.add_thread, thread)
    before = postgres_store.read(changes.read_store_id)
    postgres_store.close()
    # As from a server that had counted further than this one ever will.
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute("UPDATE threads SET change = 9000000000", name)
    copy = postgres_server.create_database(name)
    with closing(Store(copy, clock=clock)) as store:
        assert store.read(changes.read_store_id) != before
        change = store.write(changes.take_change)
        assert change > 9_000_000_000
        assert store.read(changes.read_counter) >= change
    with closing(Store(copy, clock=clock)) as again:
        assert again.write(changes.take_change) > change
    postgres_server.drop_database(copy)


def test_full_disk_has_its_own_error(postgres_store: Store) -> None:
    """What the server says of a full disk is told apart, and nothing is tried again."""
    raised = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    with pytest.raises(StorageFull):
        postgres_store.write(lambda connection: connection.exec_driver_sql(raised))
    assert postgres_store.write(add, "a") == "a"


def test_read_cannot_write(postgres_store: Store) -> None:
    """A job that only reads is held to it."""
    with pytest.raises(StoreUnavailable, match="read-only"):
        postgres_store.read(add, "a")


def test_driver_is_loaded_only_where_it_is_needed() -> None:
    """A store in a file loads nothing of PostgreSQL's driver."""
    program = "import sys, chatbot.store.engine, chatbot.cli; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
