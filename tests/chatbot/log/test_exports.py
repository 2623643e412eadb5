"""Parquet files in the data folder lose what is erased; files of others are left alone."""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from chatbot.log.erase import erase_thread
from chatbot.log.exports import find_erased, scrub_exports
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.reports.parquet import write_parquet, write_parquet_days
from chatbot.store.engine import Store
from chatbot.store.ranges import list_thread_ids
from chatbot.store.threads import iterate_transcripts
from tests.chatbot.log.rows import write_conversation, write_thread, write_turn
from tests.chatbot.log.test_erase import find_marker, finish, make_marker
from tests.conftest import Clock


def export(store: Store, folder: Path) -> None:
    """Export all by days, and into one file."""
    ids = store.read(list_thread_ids)
    write_parquet_days(iterate_transcripts(store, ids), folder / "by-day")
    with (folder / "all.parquet").open("wb") as file:
        write_parquet(iterate_transcripts(store, ids), file)


def read_questions(pattern: Path) -> list[str]:
    """Give the questions in Parquet files."""
    sql = "SELECT content FROM read_parquet(?) WHERE origin = 'user' ORDER BY created_at"
    return [row[0] for row in duckdb.execute(sql, [str(pattern)]).fetchall()]


def test_erasure_reaches_exports_in_the_data_folder(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """Erased rows go from every byte of Parquet files; a file of nothing else goes; the other rows stay."""
    marker = make_marker()
    thread_id = write_thread(store, clock())
    write_turn(store, thread_id, clock(), marker)
    clock.advance(days=1)
    write_turn(store, thread_id, clock(), marker, position=2)
    write_conversation(store, clock(), "Who stays?")
    export(store, data_dir)
    publisher.publish()
    assert {"all.parquet", "part-0.parquet"} <= find_marker(data_dir, marker)
    erase_thread(store, thread_id, clock())
    assert len(store.read(find_erased, data_dir)) == 3
    assert verify(store, data_dir) == []
    finish(publisher, clock)
    assert find_marker(data_dir, marker) == set()
    assert read_questions(data_dir / "all.parquet") == ["Who stays?"]
    assert read_questions(data_dir / "by-day" / "**" / "*.parquet") == ["Who stays?"]
    assert len(list(data_dir.rglob("*.parquet"))) == 2
    assert not list(data_dir.rglob("*.part"))
    assert verify(store, data_dir) == []


def test_verify_names_an_export_that_came_back(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """A file put back after the erasure was carried out is a fault until the next erasure, or until it is removed."""
    thread_id = write_conversation(store, clock())
    export(store, data_dir)
    kept = (data_dir / "all.parquet").read_bytes()
    erase_thread(store, thread_id, clock())
    finish(publisher, clock)
    (data_dir / "all.parquet").write_bytes(kept)
    assert [fault.code for fault in verify(store, data_dir)] == ["export_holds_erased"]


def test_what_a_killed_export_left_goes_with_the_erasure(store: Store, data_dir: Path, clock: Clock) -> None:
    """Drafts of files and folders hold conversations too; those of other commands are left alone."""
    write_conversation(store, clock())
    folder = data_dir / ".days.0123456789ab.part" / "day=2026-01-31"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_bytes(b"PAR1 torn")
    (data_dir / ".all.parquet.0123456789ab.part").write_bytes(b"PAR1 torn")
    backup = data_dir / ".backup.0123456789ab.part"
    backup.mkdir()
    store.read(scrub_exports, data_dir)
    assert not folder.parent.exists() and backup.exists()
    assert not list(data_dir.rglob("*.parquet*"))


def test_files_of_others_are_left_alone(
    store: Store, data_dir: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A Parquet file without threads, a torn one and one outside the data folder are not touched."""
    write_conversation(store, clock())
    parquet.write_table(pa.table({"price": [1]}), data_dir / "prices.parquet")
    (data_dir / "torn.parquet").write_bytes(b"PAR1 no more")
    before = {path: path.read_bytes() for path in data_dir.glob("*.parquet")}
    with caplog.at_level(logging.ERROR):
        assert store.read(scrub_exports, data_dir) == []
    assert {path: path.read_bytes() for path in data_dir.glob("*.parquet")} == before
