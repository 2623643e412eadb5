"""Drafts of assistants: shared, counted, and never in the log."""

from __future__ import annotations

import threading

import pytest

from chatbot.errors import EditConflict
from chatbot.store import drafts
from chatbot.store.drafts import AssistantDraft
from chatbot.store.engine import Store
from chatbot.store.schema import PUBLISHED, assistant_drafts
from tests.conftest import Clock


def save(store: Store, text: str, *, revision: int = 0, author: str = "anne") -> AssistantDraft:
    """Save a draft of `support`, made from version 2."""
    return store.write(
        drafts.save_draft, "support", text, 2, author, "a note", store.clock(), revision=revision
    )


def test_draft_comes_back_as_it_was_saved(store: Store, clock: Clock) -> None:
    """A draft keeps text, base, author, note and time; each save counts."""
    assert save(store, "one").revision == 1
    clock.advance(minutes=5)
    kept = save(store, "two", revision=1, author="ben")
    assert kept == AssistantDraft("support", "two", 2, 2, "ben", "a note", clock())
    assert store.read(drafts.read_draft, "support") == kept
    assert store.read(drafts.list_drafts) == [kept]
    assert store.read(drafts.read_draft, "other") is None


def test_second_of_two_is_told_who_saved_and_when(store: Store, clock: Clock) -> None:
    """Whoever began from an earlier save overwrites nothing, and learns whose save is in the way."""
    save(store, "one")
    clock.advance(minutes=30)
    save(store, "anne's", revision=1)
    with pytest.raises(EditConflict, match=r"anne has saved the draft of support .* 2025-03-01 12:30 UTC"):
        save(store, "ben's", revision=1, author="ben")
    with pytest.raises(EditConflict, match="anne"):
        save(store, "ben's", author="ben")
    kept = store.read(drafts.read_draft, "support")
    assert kept is not None and kept.definition == "anne's"
    assert save(store, "ben's", revision=2, author="ben").revision == 3


def test_save_after_the_draft_is_gone_is_told(store: Store) -> None:
    """Who edits a draft that another has published meanwhile is told, and may begin a new one."""
    save(store, "one")
    assert store.write(drafts.discard_draft, "support", revision=1)
    with pytest.raises(EditConflict, match="published or discarded"):
        save(store, "two", revision=1)
    assert save(store, "two").revision == 1


def test_discard_takes_away_what_was_seen_and_no_more(store: Store) -> None:
    """A draft that was saved since is not discarded by who has not seen it."""
    save(store, "one")
    save(store, "two", revision=1, author="ben")
    with pytest.raises(EditConflict, match="ben"):
        store.write(drafts.discard_draft, "support", revision=1)
    assert store.write(drafts.discard_draft, "support", revision=2)
    assert not store.write(drafts.discard_draft, "support", revision=2)
    assert store.read(drafts.list_drafts) == []


def test_of_two_who_save_at_the_same_moment_one_is_told(store: Store) -> None:
    """However close they are, one save wins and the other is a conflict."""
    save(store, "begin")
    told: list[str] = []
    barrier = threading.Barrier(2)

    def race(author: str) -> None:
        barrier.wait()
        try:
            save(store, author, revision=1, author=author)
        except EditConflict:
            told.append(author)

    threads = [threading.Thread(target=race, args=[name]) for name in ("anne", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = store.read(drafts.read_draft, "support")
    assert kept is not None and kept.revision == 2
    assert told == [name for name in ("anne", "ben") if name != kept.author]


def test_drafts_are_not_published() -> None:
    """No draft goes into the log."""
    assert assistant_drafts not in PUBLISHED
