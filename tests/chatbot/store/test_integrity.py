"""Every broken rule of the store is found and says where."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from chatbot.store.engine import Store
from chatbot.store.integrity import Fault, find_faults
from tests.chatbot.log.rows import write_conversation
from tests.conftest import Clock


def break_store(place: Path | str, sql: str) -> None:
    """Write past every guard."""
    if isinstance(place, str):
        with psycopg.connect(place) as server:
            # Foreign keys are triggers: a replica's session has none.
            server.execute("SET session_replication_role = replica")
            server.execute(sql)
        return
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.executescript(sql)
    connection.close()


def find(store: Store) -> dict[str, Fault]:
    """Give the faults by code."""
    return {fault.code: fault for fault in store.read(find_faults)}


def test_sound_store_has_no_faults(store: Store, clock: Clock) -> None:
    """Empty or used, a sound store proves itself."""
    assert find(store) == {}
    write_conversation(store, clock())
    assert find(store) == {}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE messages SET position = 3 WHERE position = 1", "position_gap"),
        ("DELETE FROM messages WHERE position = 0", "answer_without_question"),
        ("UPDATE messages SET origin = 'user' WHERE position = 1", "wrong_turn"),
        ("UPDATE messages SET status = 'lost' WHERE position = 1", "unknown_value"),
        ("UPDATE messages SET status = 'failed' WHERE position = 0", "unknown_value"),
        ("DELETE FROM threads", "orphan"),
        ("DELETE FROM messages", "orphan"),
        ("UPDATE threads SET change = change + 1000000", "change_above_counter"),
        (
            "INSERT INTO turns SELECT thread_id, message_id, 'q', 1, 'me', 0, 0 FROM messages WHERE position = 1",
            "turn_over",
        ),
    ],
)
def test_broken_rule_is_named(store: Store, place: Path | str, clock: Clock, sql: str, code: str) -> None:
    """The fault names the rule and the rows."""
    write_conversation(store, clock())
    break_store(place, sql)
    fault = find(store)[code]
    assert any(character.isdigit() for character in fault.message)


def test_many_broken_rows_are_counted_and_a_few_shown(store: Store, place: Path | str, clock: Clock) -> None:
    """A fault stays one line however many rows break the rule."""
    for _ in range(8):
        write_conversation(store, clock())
    break_store(place, "UPDATE messages SET status = 'lost'")
    message = find(store)["unknown_value"].message
    assert message.startswith("16 messages") and message.endswith("and 11 more")
