"""The store: opens and migrates the database, runs jobs on it, and turns its errors into ours.

A job is a function whose first argument is the connection. Reads run at once, each on one state of the database. Writes
run in a transaction; a job that the database undid without its fault (a lost connection, two jobs in each other's way)
is run again, so it does nothing but read and write the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from chatbot.store.sqlite import SQLiteDatabase

P = ParamSpec("P")
T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the time, aware, in UTC."""
    return datetime.now(UTC)


class Database(Protocol):
    """What a store is kept in.

    `is_shared`: services on several machines may work on it. `is_queued`: writes are done by threads of its own.
    """

    is_shared: bool

    @property
    def is_queued(self) -> bool: ...

    def read(self, job: Callable[[Connection], T]) -> T: ...

    def write(self, job: Callable[[Connection], T]) -> T: ...

    def submit(self, job: Callable[[Connection], T]) -> Future[T]: ...

    def start_writer(self) -> None: ...

    def hold_lock(self, name: str, timeout_s: float) -> AbstractContextManager[None]: ...

    def vacuum(self) -> None: ...

    def close(self) -> None: ...


class Store:
    """The operational database.

    Args:
        place: the SQLite file; made, with its folder (0700), where it does not exist. Or the address of a PostgreSQL
            database, `postgresql://…`, made by its owner.
        clock: gives the time that rows are written with.
        is_lasting: False for a store that is thrown away with its process: a commit does not wait for the disk.

    Raises:
        StoreUnavailable: it is damaged, of a newer version, or cannot be opened.
    """

    def __init__(self, place: Path | str, *, clock: Clock = utc_now, is_lasting: bool = True) -> None:
        self.clock = clock
        self._database = _open(place, is_lasting=is_lasting)
        self.is_shared = self._database.is_shared

    @property
    def path(self) -> Path:
        """The SQLite file.

        Raises:
            TypeError: the store is in PostgreSQL.
        """
        if isinstance(self._database, SQLiteDatabase):
            return self._database.path
        raise TypeError("A store in PostgreSQL has no file of ours.")

    @property
    def is_damaged(self) -> bool:
        """Whether damage was met in the file: nothing is read or written any more, and a new start tells what to do."""
        return isinstance(self._database, SQLiteDatabase) and self._database.is_damaged

    def read(self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a job that only reads, on one consistent state of the database."""
        return self._database.read(lambda connection: job(connection, *args, **kwargs))

    def write(self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a job in a transaction and return after it is durable."""
        if self._database.is_queued:
            return self.submit(job, *args, **kwargs).result()
        return self._database.write(lambda connection: job(connection, *args, **kwargs))

    async def read_async(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `read` without holding up the event loop."""
        return await asyncio.to_thread(lambda: self.read(job, *args, **kwargs))

    async def write_async(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `write` without holding up the event loop.

        A caller that is cancelled does not take the write with it: once queued, it is committed.
        """
        if self._database.is_queued:
            return await asyncio.wrap_future(self.submit(job, *args, **kwargs))
        return await asyncio.to_thread(lambda: self.write(job, *args, **kwargs))

    def submit(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Queue a write; the future is done when it is durable."""
        return self._database.submit(lambda connection: job(connection, *args, **kwargs))

    def start_writer(self) -> None:
        """Let threads of the store's own do all writes of this process from now on."""
        self._database.start_writer()

    def hold_lock(self, name: str, timeout_s: float) -> AbstractContextManager[None]:
        """Hold a lock among all processes that share the store; one machine's alone lock files instead.

        It goes with the process that dies, and with its connection.

        Raises:
            TimeoutError: another process held it all the time.
        """
        return self._database.hold_lock(name, timeout_s)

    def vacuum(self) -> None:
        """Let the place of deleted rows be used again; SQLite does so by itself."""
        self._database.vacuum()

    def close(self) -> None:
        """Commit what is queued, then let go of every connection."""
        self._database.close()


def _open(place: Path | str, *, is_lasting: bool) -> Database:
    if isinstance(place, Path):
        return SQLiteDatabase(place, is_lasting=is_lasting)
    # Imported here: who keeps his store in a file needs no driver.
    from chatbot.store.postgresql import PostgreSQLDatabase

    return PostgreSQLDatabase(place)
