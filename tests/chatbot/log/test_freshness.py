"""An open transaction on the store's server keeps the log behind: its age says so, and nothing is built for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import psycopg
import pytest

from chatbot.log.erase import erase_thread
from chatbot.log.publisher import Publisher
from chatbot.store.engine import Store
from tests.chatbot.log.rows import write_conversation
from tests.conftest import Clock


@pytest.fixture
def store(postgres_url: str, clock: Clock) -> Iterator[Store]:
    """Give an empty store on a server."""
    store = Store(postgres_url, clock=clock)
    yield store
    store.close()


@pytest.fixture
def stranger(postgres_url: str) -> Iterator[psycopg.Connection]:
    """Give a session of somebody else's, whose transaction is open once he does something."""
    with psycopg.connect(postgres_url) as connection:
        yield connection
        connection.rollback()


def test_age_counts_from_what_was_stored_when_the_other_began(
    store: Store,
    publisher: Publisher,
    stranger: psycopg.Connection,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log is as old as the oldest conversation it lacks may be; a warning says where to look, once."""
    write_conversation(store, clock())
    publisher.publish()
    stranger.execute("SELECT pg_current_xact_id()")
    clock.advance(seconds=30)
    assert not publisher.publish().is_new
    assert publisher.measure_age() == 0
    write_conversation(store, clock())
    with caplog.at_level(logging.WARNING, "chatbot.log.freshness"):
        for _ in range(3):
            clock.advance(seconds=100)
            assert not publisher.publish().is_new
    assert publisher.measure_age() == 300
    (warning,) = [record.getMessage() for record in caplog.records if record.name.endswith("freshness")]
    assert "100 s" in warning and "pg_stat_activity" in warning
    stranger.rollback()
    assert publisher.publish().rows == 4
    assert publisher.measure_age() == 0


def test_erasure_builds_the_log_anew_once(
    store: Store, publisher: Publisher, stranger: psycopg.Connection, clock: Clock
) -> None:
    """However long the other's transaction stays open: what was erased is gone from the first generation after it."""
    thread_id = write_conversation(store, clock())
    kept = write_conversation(store, clock())
    publisher.publish()
    stranger.execute("SELECT pg_current_xact_id()")
    erase_thread(store, thread_id, clock())
    assert publisher.publish().is_rebuild
    assert not publisher.publish().is_new
    erase_thread(store, kept, clock())
    assert publisher.publish().is_rebuild
    stranger.rollback()
    assert not publisher.publish().is_rebuild
