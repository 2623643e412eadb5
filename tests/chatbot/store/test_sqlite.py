"""The store in a file: many writes in one commit, a file that is private and durable, errors of the disk."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from chatbot.errors import StorageFull, StoreUnavailable, UnknownThread
from chatbot.store import changes
from chatbot.store.engine import Store
from tests.chatbot.log.rows import write_conversation
from tests.chatbot.store.rows import add, add_then_fail, list_names
from tests.conftest import Clock


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Give a store in a file."""
    return sqlite_store


@pytest.fixture(params=["direct", "queued"])
def any_store(store: Store, request: pytest.FixtureRequest) -> Store:
    """Give a store without and with its writer thread: what holds for one holds for the other."""
    if request.param == "queued":
        store.start_writer()
    return store


def read_synchronous(connection: Connection) -> int:
    """Give SQLite's `synchronous`: 2 = FULL, 0 = OFF."""
    return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


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
    query = "SELECT name FROM meta WHERE name != 'store_id' ORDER BY rowid"
    assert store.read(lambda connection: connection.exec_driver_sql(query).scalars().all()) == names


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


def test_change_numbers_have_no_gap(store: Store) -> None:
    """The counter stands at the last number taken."""
    assert [store.write(changes.take_change) for _ in range(3)] == [1, 2, 3]
    assert store.read(changes.read_counter) == 3


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


def test_store_that_lost_its_bytes_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """A file cut to nothing is named where a log was published from it, and left as it is; a new one may be empty."""
    path = tmp_path / "private" / "guichet.db"
    path.parent.mkdir()
    path.touch()
    Store(path).close()
    path.with_name("published.json").touch()
    Store(path).close()
    path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="damaged"):
        Store(path)
    assert path.read_bytes() == b""


def test_page_that_was_overwritten_is_our_error(store: Store, clock: Clock) -> None:
    """Damage that shows only when a page is read is an error of ours, for reads and writes; nothing is made anew."""
    for _ in range(50):
        write_conversation(store, clock())
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    store.path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"malformed|disk image"):
        store.read(list_names)
    with pytest.raises(StoreUnavailable, match=r"malformed|disk image"):
        store.write(add, "a")
    with pytest.raises(StoreUnavailable):
        Store(store.path)
    assert store.path.stat().st_size == len(content)


def test_folder_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    """A folder in the place of which there is a file is named with its setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="DATA_DIR"):
        Store(tmp_path / "file" / "private" / "guichet.db")


@pytest.mark.parametrize(("is_lasting", "expected"), [(True, 2), (False, 0)])
def test_only_a_lasting_store_waits_for_the_disk(tmp_path: Path, is_lasting: bool, expected: int) -> None:
    """A commit is on the disk before it is told, but for a store that is thrown away with its process."""
    with closing(Store(tmp_path / "store.db", is_lasting=is_lasting)) as store:
        assert (store.read(read_synchronous), store.write(read_synchronous)) == (expected, expected)


def test_damage_once_met_takes_no_more_writes(store: Store, clock: Clock) -> None:
    """What would be lost with the file is not told as stored, whichever page it goes to; the remedy is named."""
    for _ in range(50):
        write_conversation(store, clock())
    store.close()
    with closing(sqlite3.connect(store.path)) as connection:
        statement = "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        page = connection.execute(statement).fetchone()[0]
    with store.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    store.write(add, "before")
    with pytest.raises(StoreUnavailable, match=r"malformed.* restore DIR"):
        write_conversation(store, clock())
    with pytest.raises(StoreUnavailable, match="restore DIR"):
        store.write(add, "after")
    with pytest.raises(StoreUnavailable, match="restore DIR"):
        store.read(list_names)
