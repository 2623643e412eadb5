"""A backup is one state of a running store; it comes back whole or not at all."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatbot import backup as backup_module
from chatbot.backup import is_in_use, read_backup, restore_backup, write_backup
from chatbot.errors import StorageFull, StoreUnavailable, UsageError
from chatbot.log.erase import erase_tester, erase_thread, prune
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import find_faults
from chatbot.store.ranges import list_thread_ids
from tests.chatbot.log.rows import (
    list_names,
    read_log,
    run_python,
    write_conversation,
    write_thread,
    write_turn,
)
from tests.conftest import Clock


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Give the folder of a store that was closed, with two threads and both keys."""
    private = tmp_path / "data" / "private"
    clock = Clock()
    with closing(Store(private / "guichet.db", clock=clock)) as store:
        write_conversation(store, clock(), "First?")
        write_conversation(store, clock(), "Second?")
    for name in backup_module.KEY_NAMES:
        (private / name).write_text(f"{name} of the backup, 32 bytes or more")
    return private


@pytest.fixture
def saved(private: Path, tmp_path: Path, clock: Clock) -> Path:
    """Give a backup of it."""
    write_backup(private, tmp_path / "saved", clock())
    return tmp_path / "saved"


def open_store(private: Path) -> Store:
    """Open the store of a folder."""
    return Store(private / "guichet.db", clock=Clock())


def list_questions(private: Path) -> list[str]:
    """Give the questions that are stored."""
    with closing(sqlite3.connect(private / "guichet.db")) as connection:
        rows = connection.execute(
            "SELECT content FROM messages WHERE origin = 'user' ORDER BY content"
        ).fetchall()
    return [row[0] for row in rows]


def hold_open(private: Path) -> subprocess.Popen[str]:
    """Let another process have the store open, as a service has."""
    script = "import sys; from pathlib import Path; from chatbot.store.engine import Store; "
    script += "store = Store(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read(); store.close()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(private / "guichet.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "open\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    """End such a process."""
    process.communicate(timeout=30)


def test_backup_holds_store_and_keys_for_their_owner_alone(saved: Path, private: Path) -> None:
    """One file of the store, the keys, and a manifest that proves them; nobody else can read it."""
    assert list_names(saved) == {"guichet.db", "manifest.json", *backup_module.KEY_NAMES}
    assert saved.stat().st_mode & 0o077 == 0
    assert not [path for path in saved.iterdir() if path.stat().st_mode & 0o077]
    manifest = read_backup(saved)
    assert (manifest.rows["threads"], manifest.rows["messages"]) == (2, 4)
    assert not list(saved.parent.glob(".saved*"))


def test_backup_of_a_store_that_is_written_to_is_one_state(
    private: Path, tmp_path: Path, clock: Clock
) -> None:
    """While a service writes turn after turn, every copy is whole: no answer without its question."""
    stop = threading.Event()
    with closing(open_store(private)) as store:

        def work() -> None:
            while not stop.is_set():
                write_conversation(store, clock(), "While it runs?")

        writer = threading.Thread(target=work)
        writer.start()
        try:
            counts = [
                write_backup(private, tmp_path / f"b{number}", clock()).rows["messages"]
                for number in range(5)
            ]
        finally:
            stop.set()
            writer.join()
    assert counts == sorted(counts) and counts[-1] > counts[0]
    for number in range(5):
        with closing(Store(tmp_path / f"b{number}" / "guichet.db")) as copy:
            assert copy.read(find_faults) == []


def test_backup_never_writes_over_anything(private: Path, saved: Path, clock: Clock) -> None:
    """A folder that holds something is refused; without a store there is nothing to save."""
    before = (saved / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match="Name a new folder"):
        write_backup(private, saved, clock())
    assert (saved / "manifest.json").read_bytes() == before
    with pytest.raises(StoreUnavailable, match="nothing to save"):
        write_backup(saved.parent / "nowhere", saved.parent / "other", clock())


def test_full_disk_leaves_nothing_behind(
    private: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that does not fit is one clear error, without half a folder."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup_module.shutil, "copyfile", fail)
    with pytest.raises(StorageFull):
        write_backup(private, tmp_path / "saved", clock())
    assert list_names(tmp_path) == {"data"}


def test_restore_brings_back_rows_and_keys_under_a_new_id(private: Path, saved: Path, clock: Clock) -> None:
    """What was written since is gone, what was there is back; the log of before is not continued."""
    with closing(open_store(private)) as store:
        old_id = store.read(read_store_id)
        write_conversation(store, clock(), "Third?")
        publisher = Publisher(store, private.parent, timezone="UTC", interval_s=1, clock=clock)
        publisher.publish()
        publisher.close()
    (private / "secret-key").write_text("another key")
    restore_backup(saved, private, clock())
    assert list_questions(private) == ["First?", "Second?"]
    assert (private / "secret-key").read_text().startswith("secret-key of the backup")
    with closing(open_store(private)) as store:
        assert store.read(read_store_id) != old_id
        assert [fault.code for fault in verify(store, private.parent)] == ["log_of_another_store"]
        publisher = Publisher(store, private.parent, timezone="UTC", interval_s=1, clock=clock)
        publication = publisher.publish()
        publisher.close()
        assert (publication.is_rebuild, publication.generation) == (True, 2)
        assert verify(store, private.parent) == []
    log = private.parent / "conversations.duckdb"
    assert read_log(log, "SELECT count(*) FROM audit WHERE action = 'store.restore'") == [(1,)]


def test_restore_into_an_empty_folder(saved: Path, tmp_path: Path, clock: Clock) -> None:
    """A new machine needs the backup alone."""
    private = tmp_path / "new" / "private"
    restore_backup(saved, private, clock())
    assert list_questions(private) == ["First?", "Second?"]
    assert private.stat().st_mode & 0o077 == 0
    assert not [name for name in list_names(private) if name.startswith(".restore")]


def test_store_in_use_is_replaced_by_force_alone(private: Path, saved: Path, clock: Clock) -> None:
    """A running service keeps its store; with --force it goes on with the restored one, at once."""
    with closing(open_store(private)) as store:
        write_conversation(store, clock(), "Third?")
    service = hold_open(private)
    try:
        assert is_in_use(private / "guichet.db")
        with pytest.raises(UsageError, match="--force"):
            restore_backup(saved, private, clock())
        assert list_questions(private) == ["First?", "Second?", "Third?"]
        inode = (private / "guichet.db").stat().st_ino
        restore_backup(saved, private, clock(), force=True)
        assert (private / "guichet.db").stat().st_ino == inode
    finally:
        end(service)
    assert not is_in_use(private / "guichet.db")
    assert list_questions(private) == ["First?", "Second?"]


def test_open_store_goes_on_with_what_was_restored(private: Path, saved: Path, clock: Clock) -> None:
    """Connections that were open before see the restored rows, and write on top of them durably."""
    with closing(open_store(private)) as store:
        write_conversation(store, clock(), "Third?")
        assert run_python(RESTORE, saved, private, "force").returncode == 0
        assert len(store.read(list_thread_ids)) == 2
        write_conversation(store, clock(), "Fourth?")
        assert store.read(find_faults) == []
    assert list_questions(private) == ["First?", "Fourth?", "Second?"]


RESTORE = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from chatbot.backup import restore_backup
restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC), force="force" in sys.argv)
"""

KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from chatbot import backup

name, moment = sys.argv[3].split(":")
real = getattr(backup, name)

def kill(*args, **kwargs):
    if moment == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(backup, name, kill)
backup.restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))
"""


@pytest.mark.parametrize(
    "step",
    [
        "_prepare:before",
        "_prepare:after",
        "_copy_database:before",
        "_copy_database:after",
        "_bring_keys:before",
    ],
)
def test_restore_killed_at_any_step_leaves_one_whole_store(
    step: str, private: Path, saved: Path, clock: Clock
) -> None:
    """Killed anywhere, the old store or the restored one stands; the next try ends it and cleans up."""
    with closing(open_store(private)) as store:
        write_conversation(store, clock(), "Third?")
    killed = run_python(KILLED, saved, private, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    is_new = step in ("_copy_database:after", "_bring_keys:before")
    assert list_questions(private) == ["First?", "Second?"] + ([] if is_new else ["Third?"])
    with closing(open_store(private)) as store:
        assert store.read(find_faults) == []
    restore_backup(saved, private, clock())
    assert list_questions(private) == ["First?", "Second?"]
    assert not [name for name in list_names(private) if name.startswith(".restore")]


@pytest.mark.parametrize(
    ("order", "left"),
    [
        (lambda store, thread_id, now: erase_thread(store, thread_id, now), ["First?", "Second?"]),
        (lambda store, thread_id, now: erase_tester(store, "jane-1", now), ["First?", "Second?"]),
        (lambda store, thread_id, now: prune(store, 30, now), []),
    ],
    ids=["thread", "tester", "prune"],
)
def test_what_was_erased_since_does_not_come_back(
    order: Callable[..., object], left: list[str], private: Path, tmp_path: Path, clock: Clock
) -> None:
    """Erasures that the store in place knows and the backup does not are carried out on it again, bytes and all."""
    with closing(open_store(private)) as store:
        thread_id = write_thread(store, clock(), tester="jane-1")
        write_turn(store, thread_id, clock(), "f3a9c1-erased")
    saved = tmp_path / "saved"
    write_backup(private, saved, clock())
    assert b"f3a9c1-erased" in (saved / "guichet.db").read_bytes()
    clock.advance(days=31)
    with closing(open_store(private)) as store:
        order(store, thread_id, clock())
    restored = restore_backup(saved, private, clock())
    assert restored.erasures == 1
    assert list_questions(private) == left
    assert not [
        path for path in private.rglob("*") if path.is_file() and b"f3a9c1-erased" in path.read_bytes()
    ]


def test_damaged_store_is_set_aside(private: Path, saved: Path, clock: Clock) -> None:
    """A store that cannot be read is kept under another name, and never one that a service has open."""
    live = private / "guichet.db"
    live.write_bytes(b"this is no database" * 1000)
    restore_backup(saved, private, clock())
    assert list_questions(private) == ["First?", "Second?"]
    (aside,) = [path for path in private.iterdir() if ".damaged-" in path.name]
    assert aside.read_bytes().startswith(b"this is no database")


def test_damaged_or_foreign_backup_is_refused(
    private: Path, saved: Path, tmp_path: Path, clock: Clock
) -> None:
    """A changed file, a missing one, another format and any other folder leave the store as it is."""
    before = list_questions(private)
    with pytest.raises(UsageError, match="no backup"):
        restore_backup(tmp_path, private, clock())
    copy = shutil.copytree(saved, tmp_path / "copy")
    with (copy / "guichet.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    with pytest.raises(StoreUnavailable, match="not as it was saved"):
        restore_backup(copy, private, clock())
    (copy / "guichet.db").unlink()
    with pytest.raises(StoreUnavailable, match="missing"):
        restore_backup(copy, private, clock())
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(UsageError, match="99"):
        restore_backup(saved, private, clock())
    assert list_questions(private) == before


def test_backup_of_an_older_version_is_brought_up_to_this_one(
    private: Path, saved: Path, clock: Clock
) -> None:
    """A backup outlives the version that took it; one of a newer version is refused."""
    script = Path(__file__).parent / "store" / "older" / "0001.sql"
    database = saved / "guichet.db"
    database.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(script.read_text(encoding="utf-8"))
    renew_hash(saved)
    restore_backup(saved, private, clock())
    assert list_questions(private) == ["Où est l'été ?"]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    renew_hash(saved)
    with pytest.raises(StoreUnavailable, match="9999"):
        restore_backup(saved, private, clock())
    assert list_questions(private) == ["Où est l'été ?"]


def renew_hash(saved: Path) -> None:
    """Let the manifest prove what now lies there."""
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["files"]["guichet.db"] = backup_module._hash(saved / "guichet.db")
    (saved / "manifest.json").write_text(json.dumps(manifest))
