"""Writes of a service that wait together are one transaction, and yet none of them holds up or spoils another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from chatbot.errors import StoreUnavailable, UnknownThread
from chatbot.store import changes
from chatbot.store.engine import Store
from tests.chatbot.store.rows import add, add_then_fail, list_names

LOCK = "SELECT value FROM meta WHERE name = 'held' FOR UPDATE"


@pytest.fixture
def store(postgres_store: Store) -> Store:
    """Give a store on a server, with the threads that write."""
    postgres_store.start_writer()
    return postgres_store


@contextmanager
def gather(store: Store) -> Iterator[None]:
    """Let what is submitted in the block wait, to be done together."""
    gate = threading.Event()
    first = store.submit(lambda connection: gate.wait(20))
    try:
        yield
    finally:
        gate.set()
        first.result(20)


def test_what_waits_together_is_one_transaction(store: Store) -> None:
    """Jobs that came while another was at it bear one change number: that of their transaction."""
    with gather(store):
        futures = [store.submit(changes.take_change) for _ in range(20)]
    assert len({future.result(20) for future in futures}) == 1
    assert store.write(changes.take_change) > futures[0].result()


def test_refused_job_leaves_the_others_alone(store: Store) -> None:
    """Each is told what became of its own job."""
    with gather(store):
        futures: list[Future[Any]] = [store.submit(add, "a"), store.submit(add_then_fail, "b")]
        futures += [store.submit(add, "a"), store.submit(add, "c")]
    assert isinstance(futures[1].exception(20), UnknownThread)
    # The two that want one name are run again side by side: either may be first.
    outcomes = [type(futures[number].exception(20)) for number in (0, 2)]
    assert sorted(map(str, outcomes)) == sorted(map(str, (type(None), StoreUnavailable)))
    assert futures[3].result(20) == "c"
    assert store.read(list_names) == ["a", "c"]


def test_job_that_waits_for_a_lock_keeps_nobody_waiting(store: Store, postgres_url: str) -> None:
    """While somebody holds a row, only the job that wants it waits."""
    store.write(add, "held")
    with psycopg.connect(postgres_url) as other:
        other.execute(LOCK)
        with gather(store):
            waiting = store.submit(lambda connection: connection.exec_driver_sql(LOCK).scalar_one())
            quick = store.submit(add, "quick")
        assert quick.result(20) == "quick"
        assert store.write(add, "later") == "later"
        assert not waiting.done()
        other.rollback()
        assert waiting.result(20) == ""


def lose_at_once(connection: Connection) -> None:
    """Have the server end the connection in the middle of the transaction."""
    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def lose_before_commit(connection: Connection) -> None:
    """Lose the connection with the order to commit."""
    _lose_at_commit(connection, lambda driver: None)


def lose_after_commit(connection: Connection) -> None:
    """Lose the connection with the reply to a commit that came through."""
    _lose_at_commit(connection, lambda driver: driver.execute("COMMIT"))


def _lose_at_commit(connection: Connection, before: Callable[[Any], object]) -> None:
    driver: Any = connection.connection.dbapi_connection

    def lose() -> None:
        before(driver)
        driver.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    driver.commit = lose


@pytest.mark.parametrize("lose", [lose_at_once, lose_before_commit, lose_after_commit])
def test_lost_connection_costs_no_job_of_a_group(store: Store, lose: Callable[[Connection], None]) -> None:
    """Whenever the connection is lost, each job of the group is done once."""
    tries = iter([True])

    def job(connection: Connection) -> str:
        if next(tries, False):
            lose(connection)
        return add(connection, "loser")

    with gather(store):
        futures = [store.submit(add, "a"), store.submit(job), store.submit(add, "b")]
    assert [future.result(20) for future in futures] == ["a", "loser", "b"]
    assert store.read(list_names) == ["a", "b", "loser"]
