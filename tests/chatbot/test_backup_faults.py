"""Saving and bringing back where something is wrong: with the place, the backup, or the store."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from chatbot.backup import restore_backup, write_backup
from chatbot.errors import StoreUnavailable, UsageError
from chatbot.log.publisher import Publisher
from chatbot.store.engine import Store
from chatbot.store.schema import messages
from tests.chatbot.log.rows import list_names, run_python, write_conversation
from tests.conftest import Clock


@pytest.fixture
def private(tmp_path: Path, clock: Clock) -> Path:
    """Give the folder of a store from which a log was published."""
    private = tmp_path / "data" / "private"
    with closing(Store(private / "guichet.db", clock=clock)) as store:
        write_conversation(store, clock())
        publisher = Publisher(store, private.parent, timezone="UTC", interval_s=1, clock=clock)
        publisher.publish()
        publisher.close()
    return private


@pytest.fixture
def saved(private: Path, tmp_path: Path, clock: Clock) -> Path:
    """Give a backup of it."""
    write_backup(private, tmp_path / "saved", clock())
    return tmp_path / "saved"


def count_messages(private: Path) -> int:
    """Count what is stored."""

    def count(connection: Connection) -> int:
        return len(connection.execute(select(messages.c.message_id)).all())

    with closing(Store(private / "guichet.db")) as store:
        return store.read(count)


@pytest.mark.parametrize("room", ["private", "published", "published-shareable", "published/../private/x"])
def test_backup_goes_to_no_room_that_the_service_clears(room: str, private: Path, clock: Clock) -> None:
    """What lies in the service's own folders is removed by it sooner or later."""
    with pytest.raises(UsageError, match="Name a folder elsewhere"):
        write_backup(private, private.parent / room / "today", clock())
    assert not (private.parent / room / "today").exists()


def test_backup_goes_beside_those_rooms(private: Path, clock: Clock) -> None:
    """In a container the volume may be the only place there is."""
    write_backup(private, private.parent / "backups" / "today", clock())
    assert "guichet.db" in list_names(private.parent / "backups" / "today")


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_backup_takes_no_place_of_something_else(
    kind: str, private: Path, tmp_path: Path, clock: Clock
) -> None:
    """A file, or a link to nowhere, is something too."""
    target = tmp_path / "today"
    target.write_text("mine") if kind == "file" else target.symlink_to("nowhere")
    with pytest.raises(UsageError, match="there is something already"):
        write_backup(private, target, clock())
    assert list_names(tmp_path) == {"data", "today"}


def test_backup_into_a_file_is_our_error(private: Path, tmp_path: Path, clock: Clock) -> None:
    """A path that leads through a file is named with its remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="Check the file and its folder's rights"):
        write_backup(private, tmp_path / "file" / "today", clock())


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from chatbot import backup
backup._describe = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
backup.write_backup(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))
"""


def test_backup_that_was_killed_is_cleared_by_the_next(private: Path, tmp_path: Path, clock: Clock) -> None:
    """Half a backup, which holds secrets, does not stay hidden for ever; one under way is left alone."""
    killed = run_python(KILLED, private, tmp_path / "monday")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list_names(tmp_path) - {"data"}) == 1
    write_backup(private, tmp_path / "tuesday", clock())
    assert list_names(tmp_path) == {"data", "tuesday"}


def spoil(saved: Path, **changes: Any) -> None:
    """Change the manifest."""
    path = saved / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "changes",
    [{"files": ["guichet.db"]}, {"files": 5}, {"rows": {}}, {"rows": {"threads": "x", "messages": 1}}],
    ids=str,
)
def test_manifest_of_another_make_is_refused(
    changes: dict[str, Any], private: Path, saved: Path, clock: Clock
) -> None:
    """What the manifest has to say is looked at before anything is done."""
    spoil(saved, **changes)
    with pytest.raises(UsageError, match="no backup, or half of one"):
        restore_backup(saved, private, clock())
    assert count_messages(private) == 2


def test_backup_of_a_newer_version_is_refused_by_name(private: Path, saved: Path, clock: Clock) -> None:
    """The sentence names the backup and both schemas, not a file that is gone by then."""
    spoil(saved, schema="9999")
    with pytest.raises(
        StoreUnavailable, match=r"saved: the backup has schema 9999, newer than .* Use the version"
    ):
        restore_backup(saved, private, clock())
    assert count_messages(private) == 2


def empty(path: Path) -> None:
    """Leave not a byte."""
    path.write_bytes(b"")


def replace_by_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("lose", [Path.unlink, empty, replace_by_folder])
def test_lost_store_is_brought_back(
    lose: Callable[[Path], None], private: Path, saved: Path, clock: Clock
) -> None:
    """The remedy that a lost store is refused with works; what lay in its place is set aside."""
    lose(private / "guichet.db")
    with pytest.raises(StoreUnavailable):
        Store(private / "guichet.db")
    restore_backup(saved, private, clock())
    assert count_messages(private) == 2
    assert len([name for name in list_names(private) if "damaged" in name]) == (lose is not Path.unlink)
