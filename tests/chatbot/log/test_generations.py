"""Whatever lies where the published log has to be, the publisher makes it right or says what is in its way."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from chatbot.errors import LogUnavailable
from chatbot.log.erase import erase_thread
from chatbot.log.generations import KEPT, read_notes
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store.engine import Store
from tests.chatbot.log.rows import list_names, read_log, write_conversation
from tests.conftest import Clock


def link_elsewhere(data_dir: Path) -> None:
    """Lead the link to a copy in another folder of the same name."""
    elsewhere = data_dir.parent / "elsewhere" / "published"
    elsewhere.mkdir(parents=True)
    shutil.copy(data_dir / "published" / "1.duckdb", elsewhere)
    (data_dir / "conversations.duckdb").unlink()
    (data_dir / "conversations.duckdb").symlink_to(elsewhere / "1.duckdb")


def link_nowhere(data_dir: Path) -> None:
    """Lead the link to a number that no column could hold."""
    (data_dir / "conversations.duckdb").unlink()
    (data_dir / "conversations.duckdb").symlink_to("published/99999999999999999999.duckdb")


def copy_over_link(data_dir: Path) -> None:
    """Put a copy of the file in the place of the link, as a program does that knows no links."""
    copy = data_dir / "copy"
    shutil.copy(data_dir / "published" / "1.duckdb", copy)
    copy.rename(data_dir / "conversations.duckdb")


def replace_by_folder(data_dir: Path) -> None:
    """Put a folder in the place of the generation."""
    (data_dir / "published" / "1.duckdb").unlink()
    (data_dir / "published" / "1.duckdb" / "x").mkdir(parents=True)


def lose_folder(data_dir: Path) -> None:
    """Lose all generations."""
    shutil.rmtree(data_dir / "published")


def replace_notes(data_dir: Path) -> None:
    """Put a folder in the place of the notes."""
    (data_dir / "private" / "published.json").unlink()
    (data_dir / "private" / "published.json").mkdir()


@pytest.mark.parametrize(
    "damage", [link_elsewhere, link_nowhere, copy_over_link, replace_by_folder, lose_folder, replace_notes]
)
def test_link_always_leads_to_a_file_of_ours_again(
    damage: Callable[[Path], None],
    store: Store,
    publisher: Publisher,
    data_dir: Path,
    log_path: Path,
    clock: Clock,
) -> None:
    """`verify` finds the fault, and the next publication mends it, under a higher number."""
    write_conversation(store, clock())
    publisher.publish()
    damage(data_dir)
    assert [fault.code for fault in verify(store, data_dir)] in (["log_missing"], ["log_touched"])
    publication = publisher.publish()
    assert (publication.is_rebuild, publication.generation) == (True, 2)
    assert log_path.readlink() == Path("published/2.duckdb")
    assert read_log(log_path, "SELECT count(*) FROM messages") == [(2,)]
    assert verify(store, data_dir) == []
    assert not publisher.publish().is_new


@pytest.mark.parametrize("name", ["conversations.duckdb", "published"])
def test_what_cannot_be_replaced_is_named_and_does_not_fill_the_disk(
    name: str, store: Store, publisher: Publisher, data_dir: Path, log_path: Path, clock: Clock
) -> None:
    """A folder in the link's place, or a file in the folder's, is left alone; no try leaves a file behind."""
    write_conversation(store, clock())
    obstacle = data_dir / name
    obstacle.touch() if name == "published" else obstacle.mkdir()
    for _ in range(3):
        with pytest.raises(LogUnavailable, match=rf"{name} has to be .* out of the way"):
            publisher.publish()
    assert not list((data_dir / "published").glob("*"))
    obstacle.unlink() if name == "published" else obstacle.rmdir()
    assert publisher.publish().generation == 1
    assert read_log(log_path, "SELECT count(*) FROM messages") == [(2,)]


def test_link_that_cannot_be_made_leaves_no_generation(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that takes no new names the tries do not add a file each."""
    write_conversation(store, clock())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        for _ in range(3):
            with pytest.raises(LogUnavailable, match="Check the folder's rights"):
                publisher.publish()
    assert list_names(data_dir / "published") == set()
    assert publisher.publish().generation >= 1
    assert verify(store, data_dir) == []


@pytest.mark.parametrize("rebuild", [False, True])
def test_store_that_lost_rows_does_not_take_them_from_the_log(
    rebuild: bool,
    store: Store,
    publisher: Publisher,
    data_dir: Path,
    log_path: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A generation ahead of its store is kept, loudly, until somebody has saved the rows, or they are erased."""
    thread_id = write_conversation(store, clock(), "Kept?")
    publisher.publish()
    first_state = read_log(log_path, "SELECT mark FROM log_info")[0][0]
    write_conversation(store, clock(), "Lost?")
    publisher.publish()

    def lose(connection: Connection) -> None:
        """Do what a lost journal does."""
        connection.execute(text("DELETE FROM passages_used WHERE change > :mark"), {"mark": first_state})
        connection.execute(text("DELETE FROM messages WHERE change > :mark"), {"mark": first_state})
        connection.execute(text("DELETE FROM threads WHERE change > :mark"), {"mark": first_state})
        connection.execute(text("UPDATE change_counter SET value = :mark"), {"mark": first_state})

    store.write(lose)
    assert [fault.code for fault in verify(store, data_dir)] == ["log_ahead"]
    assert publisher.publish(rebuild).is_rebuild
    assert "2.duckdb is kept, to save rows from" in caplog.text
    for _ in range(2 * KEPT):
        clock.advance(seconds=60)
        write_conversation(store, clock())
        publisher.publish()
    assert [fault.code for fault in verify(store, data_dir)] == ["store_lost_rows"]
    kept = data_dir / "published" / "2.duckdb"
    assert read_log(kept, "SELECT count(*) FROM messages WHERE content = 'Lost?'") == [(1,)]
    erase_thread(store, thread_id, clock())
    publisher.publish()
    clock.advance(seconds=60)
    publisher.publish()
    assert not kept.exists()
    assert verify(store, data_dir) == []


def test_clock_put_back_keeps_no_generation_for_longer(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """After a clock that ran ahead was put right, erased rows go within their seconds, and the age is no debt."""
    clock.advance(days=365)
    thread_id = write_conversation(store, clock())
    publisher.publish()
    write_conversation(store, clock())
    publisher.publish()
    clock.advance(days=-365)
    assert publisher.measure_age() == 0
    erase_thread(store, thread_id, clock())
    publisher.publish()
    clock.advance(seconds=6)
    publisher.publish()
    assert list_names(data_dir / "published") == {"3.duckdb"}


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00", "yesterday", 5])
def test_age_survives_notes_of_any_kind(
    moment: object, store: Store, publisher: Publisher, data_dir: Path
) -> None:
    """A moment that is none of ours makes the age unknown or another, and never breaks the metrics."""
    publisher.publish()
    path = data_dir / "private" / "published.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"checked_at": moment}))
    age = publisher.measure_age()
    assert age >= 0 or age != age
    publisher.publish()
    assert read_notes(data_dir).checked_at is not None
    assert publisher.measure_age() < timedelta(minutes=1).total_seconds()


def test_failure_tells_how_old_the_log_is(
    store: Store,
    publisher: Publisher,
    data_dir: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line: how far behind the log is, what went wrong, and what to do."""
    publisher.publish()
    clock.advance(seconds=42)
    write_conversation(store, clock())
    (data_dir / "conversations.duckdb").unlink()
    (data_dir / "conversations.duckdb").mkdir()
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(publisher, "close", lambda: None)
    publisher.run_forever(stop)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    said = record.getMessage()
    assert said.startswith("Publication failed (the log was up to date 42 s ago): ")
    assert said.endswith("Move the folder of that name out of the way.")
