"""Versions of assistants, over both stores: files and the office write them, the newest is in force."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chatbot.errors import EditConflict
from chatbot.store import versions
from chatbot.store.engine import Store
from chatbot.store.versions import FILE
from tests.conftest import Clock

NAME = "support"


def record(store: Store, text: str, *, age_s: float = 0, is_changed: bool = False) -> int | None:
    """Record a file that was written so long ago."""
    now = store.clock()
    written_at = now - timedelta(seconds=age_s)
    return store.write(versions.record_file, NAME, text, written_at, now, is_changed=is_changed)


def publish(store: Store, text: str, base: int | None, author: str = "anne", note: str = "") -> int:
    """Publish from the office."""
    return store.write(versions.publish, NAME, text, author, note, store.clock(), base=base)


def read_newest(store: Store) -> tuple[int, str, str]:
    """Give number, text and author of the version in force."""
    newest = store.read(versions.find_newest, NAME)
    assert newest is not None
    return newest.version, newest.definition, newest.author


def test_versions_count_from_one(store: Store, clock: Clock) -> None:
    """Each new text is a version with its number, author, time and note; the newest comes first."""
    assert record(store, "a") == 1
    clock.advance(minutes=1)
    assert publish(store, "b", 1, note="Warmer") == 2
    second, first = store.read(versions.list_versions, NAME)
    assert (first.version, first.definition, first.author, first.note) == (1, "a", FILE, None)
    assert (second.version, second.author, second.note) == (2, "anne", "Warmer")
    assert second.created_at == second.published_at == clock()
    assert store.read(versions.read_version, NAME, 1) == first
    assert store.read(versions.read_version, NAME, 3) is None
    assert store.read(versions.find_newest, "other") is None
    assert store.read(versions.list_newest_numbers) == {NAME: 2}


def test_same_file_is_no_new_version(store: Store) -> None:
    """A file that is looked at again, or written again as it was, is none."""
    assert record(store, "a") == 1
    assert record(store, "a") is None
    assert record(store, "a", is_changed=True) is None


def test_changed_file_is_a_version_and_may_go_back(store: Store, clock: Clock) -> None:
    """A file that was seen to change is a version, also where its text was there before."""
    record(store, "a")
    clock.advance(hours=1)
    assert record(store, "b", is_changed=True) == 2
    assert record(store, "a", age_s=7200, is_changed=True) == 3
    assert read_newest(store) == (3, "a", FILE)


def test_old_file_of_a_late_replica_changes_nothing(store: Store, clock: Clock) -> None:
    """Two replicas with an old and a new file do not flap: a known text that was written earlier is not taken back."""
    record(store, "old")
    clock.advance(hours=1)
    assert record(store, "new") == 2
    clock.advance(hours=1)
    for _ in range(3):
        assert record(store, "old", age_s=7200) is None
        assert record(store, "new", age_s=3600) is None
    assert read_newest(store) == (2, "new", FILE)
    # Written anew after the other, it is meant.
    assert record(store, "old", age_s=1) == 3


def test_what_the_office_publishes_wins_until_the_file_changes(store: Store, clock: Clock) -> None:
    """An unchanged file does not overwrite the office's version; a later change of the file does."""
    record(store, "a")
    publish(store, "office", 1)
    clock.advance(hours=1)
    assert record(store, "a", age_s=7200) is None
    assert read_newest(store) == (2, "office", "anne")
    assert record(store, "b", is_changed=True) == 3
    assert read_newest(store) == (3, "b", FILE)


def test_second_of_two_authors_is_told(store: Store) -> None:
    """Who publishes from a version that is no longer the newest is told by whom it was replaced; nothing is written."""
    assert publish(store, "a", None) == 1
    assert publish(store, "b", 1, author="bela") == 2
    for base in (1, None, 7):
        with pytest.raises(EditConflict, match="bela has published version 2"):
            publish(store, "c", base)
    assert read_newest(store) == (2, "b", "bela")


def test_withdrawn_is_a_version_too(store: Store) -> None:
    """An empty definition withdraws an assistant: a version with author and number, which another may follow."""
    record(store, "a")
    assert publish(store, "", 1, note="Not yet") == 2
    assert read_newest(store) == (2, "", "anne")
    assert publish(store, "a", 2) == 3
