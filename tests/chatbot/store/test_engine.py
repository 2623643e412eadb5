"""The store: one consistent state for readers, durable writes, errors of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection

from chatbot.errors import StoreUnavailable, UnknownThread
from chatbot.store import changes
from chatbot.store.engine import Store
from tests.chatbot.store.rows import add, add_then_fail, list_names

TAKE_CHANGES = """
import sys
from pathlib import Path
from chatbot.store import changes
from chatbot.store.engine import Store

place = sys.argv[1]
store = Store(place if "://" in place else Path(place))
print(*[store.write(changes.take_change) for _ in range(50)])
store.close()
"""


@pytest.fixture(params=["direct", "queued"])
def any_store(store: Store, request: pytest.FixtureRequest) -> Store:
    """Give a store without and with its writer thread: what holds for one holds for the other."""
    if request.param == "queued":
        store.start_writer()
    return store


def test_write_gives_the_jobs_result(any_store: Store) -> None:
    """A write returns what its job returns, once it can be read."""
    assert any_store.write(add, "a", value="1") == "a"
    assert any_store.read(list_names) == ["a"]


async def test_async_calls_do_the_same(any_store: Store) -> None:
    """Reads and writes from the event loop give the same as others."""
    assert await any_store.write_async(add, "a") == "a"
    assert await any_store.read_async(list_names) == ["a"]


def test_refused_job_leaves_nothing(any_store: Store) -> None:
    """A job that refuses gets its own error back, and none of its rows stay."""
    with pytest.raises(UnknownThread):
        any_store.write(add_then_fail, "a")
    assert any_store.read(list_names) == []


def test_broken_constraint_is_our_error(any_store: Store) -> None:
    """What the database refuses comes as an error of ours, and leaves the store usable."""
    any_store.write(add, "a")
    with pytest.raises(StoreUnavailable, match=r"(?i)unique"):
        any_store.write(add, "a")
    assert any_store.write(add, "b") == "b"


def test_foreign_keys_hold(any_store: Store) -> None:
    """A row cannot refer to one that is not there."""
    statement = "INSERT INTO requests (message_id, created_at, change) VALUES ('nobody', 0, 1)"
    with pytest.raises(StoreUnavailable, match=r"(?i)foreign key"):
        any_store.write(lambda connection: connection.exec_driver_sql(statement))


def test_closing_commits_what_is_queued(store: Store) -> None:
    """Nothing that was queued before the end is lost."""
    futures = [store.submit(add, f"n{number}") for number in range(100)]
    store.start_writer()
    store.close()
    assert all(future.done() for future in futures)
    assert len(store.read(list_names)) == 100


def test_result_comes_after_the_commit(store: Store, place: Path | str) -> None:
    """Whoever is told of a write can see it in another connection at once."""
    store.start_writer()
    other = Store(place)

    def write_and_look(number: int) -> bool:
        store.write(add, f"n{number}")
        return f"n{number}" in other.read(list_names)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_look, range(100)))
    other.close()


async def test_cancelled_caller_does_not_take_the_write_with_it(store: Store) -> None:
    """A write that was queued is committed, whoever has left; the event loop sees no stray error."""
    store.start_writer()
    gate = threading.Event()
    blocker = store.submit(lambda connection: gate.wait(5))
    task = asyncio.create_task(store.write_async(add, "a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    blocker.result(5)
    store.close()
    assert store.read(list_names) == ["a"]


async def test_writing_does_not_hold_up_the_event_loop(store: Store) -> None:
    """While a write is waited for the loop goes on."""
    store.start_writer()
    gate = threading.Event()
    task = asyncio.create_task(store.write_async(lambda connection: gate.wait(5)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    assert await task is True


def test_reader_sees_one_state(store: Store) -> None:
    """A read sees the store as it was at its beginning, whatever is written meanwhile."""
    store.write(add, "a")

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        first = list_names(connection)
        store.write(add, "b")
        return first, list_names(connection)

    assert store.read(look_twice) == (["a"], ["a"])
    assert store.read(list_names) == ["a", "b"]


def test_reading_is_not_held_up_by_a_write(store: Store) -> None:
    """A long write keeps no reader waiting."""
    store.start_writer()
    gate = threading.Event()

    def write_slowly(connection: Connection) -> None:
        add(connection, "slow")
        gate.wait(5)

    future = store.submit(write_slowly)
    started = time.monotonic()
    assert store.read(list_names) == []
    assert time.monotonic() - started < 1
    gate.set()
    future.result(5)


def test_two_processes_write_at_the_same_time(store: Store, place: Path | str) -> None:
    """Service, admin and commands write to one store without an error, and no change number comes twice."""
    command = [sys.executable, "-c", TAKE_CHANGES, str(place)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    taken = [[store.write(changes.take_change) for _ in range(50)]]
    taken += [[int(number) for number in other.communicate(timeout=30)[0].split()] for other in others]
    assert [len(numbers) for numbers in taken] == [50, 50, 50]
    assert len({number for numbers in taken for number in numbers}) == 150
    assert all(numbers == sorted(numbers) for numbers in taken)
    assert store.read(changes.read_counter) >= max(max(numbers) for numbers in taken)


def test_each_store_has_an_id_of_its_own(store: Store, place: Path | str, tmp_path: Path) -> None:
    """Two stores are told apart; one that is opened again keeps its id."""
    other = Store(tmp_path / "other" / "guichet.db")
    again = Store(place)
    ids = [found.read(changes.read_store_id) for found in (store, other, again)]
    other.close()
    again.close()
    assert ids[0] == ids[2] != ids[1]
