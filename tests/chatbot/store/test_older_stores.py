"""A store of any earlier version is brought up to this one with all its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatbot.store.audit import add_entry
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import find_faults
from chatbot.store.migrate import HEAD
from chatbot.store.ranges import list_thread_ids
from chatbot.store.threads import read_transcripts

OLDER = sorted((Path(__file__).parent / "older").glob("*.sql"))


def test_every_earlier_version_is_kept() -> None:
    """A new step leaves a store of the version before it here, so that the next test opens it."""
    assert [path.stem for path in OLDER] == [f"{number:04}" for number in range(1, int(HEAD))]


@pytest.mark.parametrize("script", OLDER, ids=lambda path: path.stem)
def test_store_of_an_earlier_version_keeps_its_rows(script: Path, tmp_path: Path) -> None:
    """What an older version stored is read as it was; what it did not know is null; the store stays the same one."""
    path = tmp_path / "private" / "guichet.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script.read_text(encoding="utf-8"))
    with closing(Store(path)) as store:
        (transcript,) = store.read(read_transcripts, store.read(list_thread_ids))
        assert store.read(read_store_id) == "11111111-1111-4111-8111-111111111111"
        store.write(add_entry, store.clock(), "anne", "thread.read", "after the migration")
        assert store.read(find_faults) == []
    question, answer = transcript.messages
    assert (question.content, answer.content) == ("Où est l'été ?", "Ici. [1]")
    assert answer.created_at == datetime(2025, 6, 15, 15, 6, 42, tzinfo=UTC)
    assert (answer.prompt_tokens, answer.parameters, answer.limits_hit) == (10, None, None)
    assert answer.passages[0].heading == "A > B"
    assert transcript.feedback[answer.message_id].comment == "Non."
    assert transcript.thread.tester == "alpha-1"
