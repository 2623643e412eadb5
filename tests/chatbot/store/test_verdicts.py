"""Requests for documentation stand once; of a thread's ratings the last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from chatbot.store import verdicts
from chatbot.store.changes import read_counter
from chatbot.store.engine import Store
from chatbot.store.records import Rating
from chatbot.store.schema import requests
from tests.chatbot.log.rows import write_thread, write_turn
from tests.conftest import Clock


def read_request(connection: Connection) -> tuple[Any, ...]:
    """Give the one request as it is stored."""
    return tuple(connection.execute(select(requests)).one())


def test_request_stands_once(store: Store, clock: Clock) -> None:
    """Asked for again, nothing changes: the row keeps its time and its change."""
    message_id = write_turn(store, write_thread(store, clock()), clock(), position=0)
    store.write(verdicts.add_request, message_id, clock())
    before = store.read(read_request)
    clock.advance(minutes=1)
    store.write(verdicts.add_request, message_id, clock())
    assert store.read(read_request) == before
    assert store.read(verdicts.list_requests, [message_id, "other"]) == {message_id}


def test_last_rating_is_in_force(store: Store, clock: Clock) -> None:
    """A later rating takes the place of the one before, under a new change; a thread without one has none."""
    thread_id = write_thread(store, clock())
    assert store.read(verdicts.read_rating, thread_id) is None
    rating = Rating(thread_id, 2, "slow", clock())
    store.write(verdicts.rate_thread, rating)
    before = store.read(read_counter)
    store.write(verdicts.rate_thread, replace(rating, value=5, comment=None))
    assert store.read(verdicts.read_rating, thread_id) == replace(rating, value=5, comment=None)
    assert store.read(read_counter) == before + 1
