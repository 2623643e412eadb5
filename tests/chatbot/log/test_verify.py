"""`verify` proves that the log equals the store up to its mark, and names every difference."""

from __future__ import annotations

from pathlib import Path

import duckdb
from sqlalchemy import Connection, text, update

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
    ]


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
