"""A store in a file is brought to a server whole, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from chatbot.errors import StoreUnavailable, UsageError
from chatbot.store import schema
from chatbot.store.audit import add_entry
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import find_faults
from chatbot.store.logins import add_login
from chatbot.store.records import Feedback, Login
from chatbot.store.threads import add_feedback
from chatbot.store.transfer import OWN, copy_store
from tests.chatbot.log.rows import write_conversation, write_thread, write_turn
from tests.conftest import Clock


def read_rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of every table that is copied, but the numbers of their changes."""

    def read(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        tables = [table for table in schema.metadata.sorted_tables if table.name not in OWN]
        return {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if name != "change"}
                    for row in connection.execute(select(table)).mappings()
                ),
                key=repr,
            )
            for table in tables
        }

    return store.read(read)


@pytest.fixture
def filled(sqlite_store: Store, clock: Clock) -> Store:
    """Give a store in a file with conversations, an audit and a login in it."""
    write_conversation(sqlite_store, clock(), "Wie heiß? 🫖")
    thread_id = write_thread(sqlite_store, clock())
    message_id = write_turn(sqlite_store, thread_id, clock(), status="failed")
    sqlite_store.write(add_feedback, Feedback(message_id, -1, "wrong", "'; DROP TABLE threads", clock()))
    sqlite_store.write(add_entry, clock(), "anne", "thread.read", thread_id)
    end = clock() + timedelta(days=1)
    sqlite_store.write(add_login, Login("login-1", "beta-1", "beta", None, clock(), end, None, None))
    return sqlite_store


def test_every_row_arrives_as_it_was(filled: Store, postgres_store: Store) -> None:
    """What is copied is equal, under the server's own id and a number that the publisher has not seen."""
    store_id = postgres_store.read(read_store_id)
    copy_store(filled, postgres_store)
    assert read_rows(postgres_store) == read_rows(filled)
    assert postgres_store.read(read_store_id) == store_id != filled.read(read_store_id)
    assert postgres_store.read(find_faults) == []


def test_store_that_holds_something_is_refused(filled: Store, postgres_store: Store, clock: Clock) -> None:
    """Two stores are never mixed."""
    write_conversation(postgres_store, clock())
    before = read_rows(postgres_store)
    with pytest.raises(UsageError, match=r"not empty: .* new database"):
        copy_store(filled, postgres_store)
    assert read_rows(postgres_store) == before


def test_row_that_the_server_does_not_take_leaves_it_empty(filled: Store, postgres_store: Store) -> None:
    """One row too long for its column, and nothing is there; the message says what it was."""
    label = {"label": "x" * 5000, "last": 1}
    filled.write(lambda connection: connection.execute(insert(schema.tester_numbers).values(label)))
    with pytest.raises(StoreUnavailable, match=r"cannot be used: value too long"):
        copy_store(filled, postgres_store)
    assert not any(read_rows(postgres_store).values())
