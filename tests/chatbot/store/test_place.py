"""A store's file that is taken away is missed, put back, and never replaced by an empty one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from chatbot.errors import StoreUnavailable
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import find_faults
from chatbot.store.schema import messages
from tests.chatbot.log.rows import list_names, write_conversation
from tests.conftest import Clock

Change = Callable[[Path], None]

JOURNALS = ("guichet.db-wal", "guichet.db-shm")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a store, with a blank and a mark in its name that addresses give a meaning to."""
    return tmp_path / "data 100%?" / "private" / "guichet.db"


def count_messages(connection: Connection) -> int:
    """Count what is stored."""
    return int(connection.execute(select(func.count()).select_from(messages)).scalar_one())


def remove_file(path: Path) -> None:
    """Remove the file and its journals."""
    for name in ("guichet.db", *JOURNALS):
        path.with_name(name).unlink(missing_ok=True)


def remove_file_alone(path: Path) -> None:
    """Remove the file, and leave a journal that no longer belongs to anything."""
    path.unlink()


def replace_by_nothing(path: Path) -> None:
    """Leave an empty file where it was, as a program does that opens one which is gone."""
    remove_file(path)
    path.touch()


def remove_folder(path: Path) -> None:
    """Remove the folder that it lies in."""
    shutil.rmtree(path.parent)


def copy_in_place(path: Path) -> None:
    """Put a copy of the file in its place, as an editor or a sync program does."""
    copy = path.with_name("copy")
    with closing(sqlite3.connect(path)) as given, closing(sqlite3.connect(copy)) as taken:
        given.backup(taken)
    remove_file(path)
    copy.chmod(0o600)
    copy.rename(path)


@pytest.mark.parametrize("is_queued", [False, True], ids=["alone", "queued"])
@pytest.mark.parametrize(
    "displace", [remove_file, remove_file_alone, replace_by_nothing, remove_folder, copy_in_place]
)
def test_file_taken_away_under_a_store_costs_nothing(
    displace: Change, is_queued: bool, path: Path, clock: Clock
) -> None:
    """What was stored before and what comes after are in the file of that name; reading goes on."""
    with closing(Store(path, clock=clock)) as store:
        if is_queued:
            store.start_writer()
        write_conversation(store, clock())
        store_id = store.read(read_store_id)
        displace(path)
        assert store.read(count_messages) == 2
        displace(path)
        write_conversation(store, clock())
        assert store.read(count_messages) == 4
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(Store(path, clock=clock)) as again:
        assert again.read(count_messages) == 4
        assert again.read(read_store_id) == store_id
        assert again.read(find_faults) == []
    assert {name for name in list_names(path.parent) if not name.endswith(".lock")} == {"guichet.db"}


def test_two_processes_agree_on_the_file_that_was_put_back(path: Path, clock: Clock) -> None:
    """Whoever comes second goes on with the file that the first has put back."""
    with closing(Store(path, clock=clock)) as service, closing(Store(path, clock=clock)) as admin:
        write_conversation(service, clock())
        assert admin.read(count_messages) == 2
        remove_file(path)
        write_conversation(service, clock())
        write_conversation(admin, clock())
        assert service.read(count_messages) == admin.read(count_messages) == 6


def test_another_store_in_its_place_is_not_written_to(path: Path, tmp_path: Path, clock: Clock) -> None:
    """A store with another id under the same name is refused, and left as it is."""
    other = tmp_path / "other" / "guichet.db"
    with closing(Store(other, clock=clock)) as store:
        write_conversation(store, clock())
    before = other.read_bytes()
    with closing(Store(path, clock=clock)) as store:
        remove_file(path)
        other.rename(path)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            write_conversation(store, clock())
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            store.read(count_messages)
    assert path.read_bytes() == before


def lose_journal(path: Path) -> None:
    """Leave a file without a table, as a lost journal once did."""
    path.write_bytes(b"")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@pytest.mark.parametrize("evidence", ["notes", "link"])
@pytest.mark.parametrize("lose", [remove_file, lose_journal])
def test_lost_store_is_not_begun_anew_beside_its_log(lose: Change, evidence: str, path: Path) -> None:
    """Where a log was published from it, a store that is gone is named with its remedy, and none is made."""
    Store(path).close()
    lose(path)
    before = path.exists()
    Store(path).close()
    lose(path)
    if evidence == "notes":
        path.with_name("published.json").touch()
    else:
        (path.parent.parent / "conversations.duckdb").symlink_to("published/1.duckdb")
    with pytest.raises(StoreUnavailable, match="Bring back a backup"):
        Store(path)
    assert path.exists() == before


def test_new_store_keeps_its_tables_without_its_journal(path: Path) -> None:
    """A journal that is lost right after the start takes rows with it, not the store."""
    with closing(Store(path)) as store:
        store_id = store.read(read_store_id)
        saved = path.read_bytes()
    path.write_bytes(saved)
    with closing(Store(path)) as again:
        assert again.read(read_store_id) == store_id


def test_store_that_is_thrown_away_is_not_put_back(path: Path) -> None:
    """A store for one process alone leaves nothing behind its folder's end."""
    with closing(Store(path, is_lasting=False)) as store:
        shutil.rmtree(path.parent)
        with pytest.raises(StoreUnavailable):
            store.read(count_messages)
    assert not path.parent.exists()
