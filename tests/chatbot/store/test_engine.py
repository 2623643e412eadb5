"""The store: one consistent state for readers, durable and ordered writes, errors of ours."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from chatbot.errors import StorageFull, StoreUnavailable, UnknownThread
from chatbot.store import changes
from chatbot.store.engine import Store

ADD = "INSERT INTO meta (name, value) VALUES (?, ?)"


def add(connection: Connection, name: str, value: str = "") -> str:
    """Write a row."""
    connection.exec_driver_sql(ADD, (name, value))
    return name


def add_then_fail(connection: Connection, name: str) -> None:
    """Write a row and refuse, as a rule does that is broken half-way."""
    add(connection, name)
    raise UnknownThread("There is no such thread.")


def read_synchronous(connection: Connection) -> int:
    """Give SQLite's `synchronous`: 2 = FULL, 0 = OFF."""
    return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


def list_names(connection: Connection) -> list[str]:
    """List the rows written, in order."""
    query = "SELECT name FROM meta WHERE name != 'store_id' ORDER BY rowid"
    return [row[0] for row in connection.exec_driver_sql(query)]


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
    with pytest.raises(StoreUnavailable, match="UNIQUE"):
        any_store.write(add, "a")
    assert any_store.write(add, "b") == "b"


def test_foreign_keys_hold(any_store: Store) -> None:
    """A row cannot refer to one that is not there."""
    statement = "INSERT INTO requests (message_id, created_at, change) VALUES ('nobody', 0, 1)"
    with pytest.raises(StoreUnavailable, match="FOREIGN KEY"):
        any_store.write(lambda connection: connection.exec_driver_sql(statement))


def test_full_disk_has_its_own_error(any_store: Store) -> None:
    """A full disk is told from other faults, what was there stays, and space heals it."""
    any_store.write(add, "a")
    any_store.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageFull):
        any_store.write(add, "b", "x" * 1_000_000)
    assert any_store.read(list_names) == ["a"]
    any_store.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 100000"))
    any_store.write(add, "b", "x" * 1_000_000)
    assert any_store.read(list_names) == ["a", "b"]


def test_refused_job_leaves_its_batch_alone(store: Store) -> None:
    """Of jobs that are committed together each one succeeds or fails for itself."""
    futures = [
        store.submit(add, "a"),
        store.submit(add_then_fail, "b"),
        store.submit(add, "a"),
        store.submit(add, "c"),
    ]
    store.start_writer()
    assert futures[0].result(5) == "a"
    assert isinstance(futures[1].exception(5), UnknownThread)
    assert isinstance(futures[2].exception(5), StoreUnavailable)
    assert futures[3].result(5) == "c"
    assert store.read(list_names) == ["a", "c"]


def test_failing_database_fails_the_whole_batch(store: Store) -> None:
    """Where the database itself fails nobody of the batch is told that his write is durable."""
    futures = [store.submit(add, "a"), store.submit(lambda connection: connection.exec_driver_sql("SELEKT"))]
    store.start_writer()
    assert all(isinstance(future.exception(5), StoreUnavailable) for future in futures)
    assert store.read(list_names) == []
    assert store.write(add, "b") == "b"


def test_queue_keeps_the_order(store: Store) -> None:
    """Writes of one caller are done in the order in which they were asked for, however many wait."""
    store.start_writer()
    names = [f"n{number:04}" for number in range(1200)]
    for future in [store.submit(add, name) for name in names]:
        future.result(10)
    assert store.read(list_names) == names


def test_closing_commits_what_is_queued(store: Store) -> None:
    """Nothing that was queued before the end is lost."""
    futures = [store.submit(add, f"n{number}") for number in range(100)]
    store.start_writer()
    store.close()
    assert all(future.done() for future in futures)
    assert len(store.read(list_names)) == 100


def test_result_comes_after_the_commit(store: Store) -> None:
    """Whoever is told of a write can see it in another connection at once."""
    store.start_writer()

    def write_and_look(number: int) -> bool:
        store.write(add, f"n{number}")
        with sqlite3.connect(store.path) as other:
            found = other.execute("SELECT count(*) FROM meta WHERE name = ?", (f"n{number}",)).fetchone()
        other.close()
        return bool(found[0])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_look, range(100)))


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
    assert await store.write_async(list_names) == ["a"]


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


def test_two_processes_write_at_the_same_time(store: Store) -> None:
    """Service, admin and commands write to one store without an error, and no change number comes twice."""
    program = (
        "import sys; from pathlib import Path\n"
        "from chatbot.store import changes; from chatbot.store.engine import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "print(*[store.write(changes.take_change) for _ in range(50)])\n"
        "store.close()"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", program, str(store.path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    mine = [store.write(changes.take_change) for _ in range(50)]
    theirs = [int(number) for other in others for number in other.communicate(timeout=30)[0].split()]
    assert sorted(mine + theirs) == list(range(1, 151))
    assert store.read(changes.read_counter) == 150


def test_change_numbers_can_be_taken_in_bulk(store: Store) -> None:
    """Of several numbers the last is given; the next one follows it."""
    assert store.write(changes.take_change, 5) == 5
    assert store.write(changes.take_change) == 6


def test_refused_job_gives_its_change_number_back(any_store: Store) -> None:
    """A number belongs to a row that is there: a write that is undone uses none up."""

    def take_then_fail(connection: Connection) -> None:
        changes.take_change(connection)
        raise UnknownThread("There is no such thread.")

    with pytest.raises(UnknownThread):
        any_store.write(take_then_fail)
    assert any_store.write(changes.take_change) == 1


def test_store_is_private_and_durable(store: Store) -> None:
    """The folder is the owner's alone, the file too; commits reach the disk, and what is deleted is overwritten."""

    def ask(connection: Connection, pragma: str) -> object:
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    found = {
        name: store.write(ask, name)
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_damaged_file_is_our_error(tmp_path: Path) -> None:
    """A file that is no database is named, and left as it is."""
    path = tmp_path / "private" / "guichet.db"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreUnavailable, match=r"guichet\.db"):
        Store(path)
    assert path.read_bytes() == b"no database" * 100


def test_folder_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    """A folder in the place of which there is a file is named with its setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="DATA_DIR"):
        Store(tmp_path / "file" / "private" / "guichet.db")


def test_each_store_has_an_id_of_its_own(store: Store, tmp_path: Path) -> None:
    """Two stores are told apart; one that is opened again keeps its id."""
    other = Store(tmp_path / "other" / "guichet.db")
    again = Store(store.path)
    ids = [found.read(changes.read_store_id) for found in (store, other, again)]
    other.close()
    again.close()
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(("is_lasting", "expected"), [(True, 2), (False, 0)])
def test_only_a_lasting_store_waits_for_the_disk(tmp_path: Path, is_lasting: bool, expected: int) -> None:
    """A commit is on the disk before it is told, but for a store that is thrown away with its process."""
    with closing(Store(tmp_path / "store.db", is_lasting=is_lasting)) as store:
        assert (store.read(read_synchronous), store.write(read_synchronous)) == (expected, expected)
