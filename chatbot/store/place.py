"""The place of an SQLite store: notices that the file is gone, never makes an empty one for it, and puts it back.

A file that is removed under a service lives on as long as somebody has it open, and goes with him. So one connection is
kept for nothing else: what it sees is put back in the file's place, and work goes on there.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from filelock import FileLock

from chatbot.errors import StoreUnavailable

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 10.0
# What shows that a log was published from the store: the publisher's notes beside it, the link in the folder above.
PUBLISHED_NOTES = "published.json"
PUBLISHED_LINK = "conversations.duckdb"
JOURNALS = ("-wal", "-shm")

Identity = tuple[int, int]


class Displaced(StoreUnavailable):
    """The file is not where it was opened, and could not be put back."""


class Place:
    """Where a store's file is, and the connection that is kept to it.

    Args:
        path: made, empty, where it does not exist and no log was published from it.
        is_lasting: False for a store that is thrown away: it is not put back.

    Raises:
        StoreUnavailable: the file is gone or empty, and a log was published from it.
        sqlite3.Error, OSError: it cannot be opened.
    """

    def __init__(self, path: Path, *, is_lasting: bool) -> None:
        self._path = path
        self._is_lasting = is_lasting
        self._lock = threading.Lock()
        if not path.exists():
            _check_unpublished(path, "is gone")
            path.touch(mode=0o600)
        self._keeper = connect(path)
        try:
            self._is_new = not _has_table(self._keeper, "alembic_version")
            if self._is_new:
                _check_unpublished(path, "is empty: it is damaged")
        except BaseException:
            self._keeper.close()
            raise
        self._identity = _identify(path)

    def is_right(self) -> bool:
        """Tell whether the file that was opened is the one that has its name."""
        return _identify(self._path) == self._identity

    def check(self) -> None:
        """Refuse to call anything done that was done to a file which has lost its name.

        Raises:
            Displaced: another file has it, or none.
        """
        if not self.is_right():
            raise Displaced(
                f"The store {self._path} was removed or replaced while it was open. Put it back, or restart."
            )

    def restore(self) -> None:
        """Put a file that was removed back in its place; take to another state of the same store that lies there.

        Raises:
            Displaced: another store lies there.
            sqlite3.Error, OSError: it cannot be written or read.
        """
        with self._lock:
            if self.is_right():
                return
            if self._is_lasting:
                self._put_back()
            keeper = connect(self._path)
            try:
                if not _has_table(keeper, "meta") or _read_id(keeper) != _read_id(self._keeper):
                    self.check()
            except BaseException:
                keeper.close()
                raise
            self._keeper.close()
            self._keeper, self._identity = keeper, _identify(self._path)

    def settle(self) -> None:
        """Open the journal, which by then is there; bring a new store's tables from it into the file.

        Who loses the journal is then not left with nothing.
        """
        # Opened later, by name, it might be another one.
        _has_table(self._keeper, "meta")
        if self._is_new:
            self._keeper.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Let go of the file."""
        self._keeper.close()

    def _put_back(self) -> None:
        path = self._path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another process that has it open may do the same.
        with FileLock(path.with_suffix(".migrate.lock")):
            if path.exists() and not _is_blank(path):
                return
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                draft.touch(mode=0o600)
                with closing(sqlite3.connect(draft)) as copy:
                    copy.execute("PRAGMA synchronous=FULL")
                    self._keeper.backup(copy)
                    copy.execute("PRAGMA journal_mode=DELETE")
                for suffix in JOURNALS:
                    # A journal without its file would be played into the new one.
                    path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
                draft.rename(path)
            finally:
                draft.unlink(missing_ok=True)
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        logger.error(
            "The store %s was removed while it was open; it was put back, and nothing is lost.", path
        )


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there; any thread may use the connection."""
    # Opened the usual way, a file that is gone would be made anew, without a row.
    address = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


def _check_unpublished(path: Path, state: str) -> None:
    data_dir = path.parent.parent
    if path.with_name(PUBLISHED_NOTES).exists() or (data_dir / PUBLISHED_LINK).is_symlink():
        raise StoreUnavailable(
            f"The store {path} {state}, and a log was published from it. Bring back a backup (`python -m chatbot "
            f"restore DIR`), or set DATA_DIR to an empty folder to begin anew."
        )


def _identify(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_blank(path: Path) -> bool:
    """Tell whether a file holds no table, as one does that a program makes which opens a file that is gone."""
    with closing(connect(path)) as connection:
        return not _has_table(connection, "meta")


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    statement = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(statement, (name,)).fetchone() is not None


def _read_id(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT value FROM meta WHERE name = 'store_id'").fetchone())
