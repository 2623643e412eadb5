"""`verify` proves that the log equals the store up to its mark, and names every difference."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Connection, text, update

from chatbot.errors import LogUnavailable, StorageFull
from chatbot.log import verify as verify_module
from chatbot.log.carry import Written
from chatbot.log.erase import erase_thread
from chatbot.log.generations import Generations, read_notes, take_fingerprint
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store.changes import take_change
from chatbot.store.engine import Store
from chatbot.store.schema import meta, threads
from tests.chatbot.log.rows import list_names, write_conversation
from tests.conftest import Clock


def list_codes(store: Store, data_dir: Path) -> list[str]:
    """Give the codes of what verify finds."""
    return [fault.code for fault in verify(store, data_dir)]


def change_published(data_dir: Path, sql: str) -> None:
    """Write into the current generation and make the publisher believe it was its own doing."""
    generations = Generations(data_dir)
    generations.prepare()
    number = generations.find_current()
    assert number
    path = generations.locate(number)
    with duckdb.connect(str(path)) as log:
        log.execute(sql)
    fingerprint = take_fingerprint(path)
    assert fingerprint
    notes = read_notes(data_dir)
    notes.fingerprints[number] = fingerprint
    generations._write_notes(notes)


def test_new_store_and_published_store_are_right(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """A log that was never published is no fault; one that is behind, or has rows changed since, is none either."""
    assert verify(store, data_dir) == []
    thread_id = write_conversation(store, clock())
    publisher.publish()
    assert verify(store, data_dir) == []

    def move(connection: Connection) -> None:
        change = take_change(connection)
        connection.execute(
            update(threads).where(threads.c.thread_id == thread_id).values(wave="2", change=change)
        )

    write_conversation(store, clock())
    store.write(move)
    assert verify(store, data_dir) == []
    erase_thread(store, thread_id, clock())
    assert verify(store, data_dir) == []
    publisher.publish()
    assert verify(store, data_dir) == []
    assert not [name for name in list_names(data_dir / "private") if name.startswith(".verify")]


def test_rows_that_differ_are_counted(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """A row lost and a row altered in the log are both found."""
    write_conversation(store, clock())
    publisher.publish()
    change_published(
        data_dir, "DELETE FROM passages_used; UPDATE messages SET content = 'x' WHERE origin = 'user'"
    )
    faults = verify(store, data_dir)
    assert [(fault.code, fault.message.partition(":")[0]) for fault in faults] == [
        ("log_lacks_rows", "messages"),
        ("log_has_other_rows", "messages"),
        ("log_lacks_rows", "passages_used"),
        ("log_counts", "passages_used"),
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE log_info SET messages_rows = 999", "log_counts"),
        ("DROP VIEW answers", "log_schema"),
        ("CREATE OR REPLACE VIEW daily_costs AS SELECT 1 AS one", "log_schema"),
        ("COMMENT ON COLUMN messages.content IS 'else'", "log_schema"),
        ("INSERT INTO log_info FROM log_info", "log_damaged"),
        ("DROP TABLE requests CASCADE", "log_damaged"),
    ],
)
def test_file_that_is_otherwise_than_it_says_is_named(
    sql: str, expected: str, store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """Row counts, tables, views and comments have to be as they were published; the remedy makes them so."""
    write_conversation(store, clock())
    publisher.publish()
    change_published(data_dir, sql)
    faults = verify(store, data_dir)
    assert {fault.code for fault in faults} == {expected}
    assert all("publish --rebuild" in fault.message for fault in faults)
    publisher.publish(rebuild=True)
    assert verify(store, data_dir) == []


def test_bytes_that_rotted_are_a_fault(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """Wherever a block is damaged, `verify` tells it and goes on; a block of no row may be anything."""
    for _ in range(5):
        write_conversation(store, clock())
    publisher.publish()
    path = data_dir / "published" / "1.duckdb"
    whole, status = path.read_bytes(), path.stat()
    found = set()
    for place in range(0, len(whole), max(4096, len(whole) // 12)):
        content = bytearray(whole)
        content[place : place + 4096] = b"\xa5" * len(content[place : place + 4096])
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        found |= set(list_codes(store, data_dir))
    assert found == {"log_damaged"}
    path.write_bytes(whole)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert verify(store, data_dir) == []


def test_check_without_room_is_one_clear_error(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a folder without rights, is named as such; nothing is left, be it of one that was killed."""
    write_conversation(store, clock())
    publisher.publish()
    left = data_dir / "private" / ".verify-killed"
    left.mkdir()
    os.utime(left, (0, 0))

    def fail(*_: object, **__: object) -> None:
        raise duckdb.IOException(message)

    monkeypatch.setattr(verify_module, "write_file", fail)
    message = "Could not write file: No space left on device"
    with pytest.raises(StorageFull, match="Free some space"):
        verify(store, data_dir)
    message = "Cannot open file: Permission denied"
    with pytest.raises(LogUnavailable, match="Check the rights"):
        verify(store, data_dir)
    assert not [name for name in list_names(data_dir / "private") if name.startswith(".verify")]


def test_generation_that_is_replaced_during_the_check_is_checked_to_the_end(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher may unlink the file meanwhile, as it does while a large log is verified."""
    write_conversation(store, clock())
    publisher.publish()
    write = verify_module.write_file

    def write_slowly(*args: Any, **kwargs: Any) -> Written:
        (data_dir / "published" / "1.duckdb").unlink()
        return write(*args, **kwargs)

    monkeypatch.setattr(verify_module, "write_file", write_slowly)
    assert verify(store, data_dir) == []


def test_log_that_is_not_the_publishers_is_named(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """Touched, of another store, ahead of the store, lost: each has its code."""
    write_conversation(store, clock())
    publisher.publish()
    current = data_dir / "published" / "1.duckdb"
    store.write(lambda connection: connection.execute(text("UPDATE change_counter SET value = 2")))
    assert "log_ahead" in list_codes(store, data_dir)
    store.write(lambda connection: connection.execute(text("UPDATE change_counter SET value = 3")))
    store.write(lambda connection: connection.execute(update(meta).values(value="another")))
    assert list_codes(store, data_dir) == ["log_of_another_store"]
    with current.open("ab") as file:
        file.write(b"x")
    assert list_codes(store, data_dir) == ["log_touched"]
    (data_dir / "conversations.duckdb").unlink()
    assert list_codes(store, data_dir) == ["log_missing"]
    (data_dir / "private" / "published.json").unlink()
    assert list_codes(store, data_dir) == ["log_missing"]
