"""The store in an SQLite file: what one machine's service, admin and commands share.

In the chat service one thread takes all writes that wait and commits them together, for SQLite lets a single writer
starve among many (measured with 50 threads: one waited 3.2 s; with the queue 26 ms at most).
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from chatbot.errors import GuichetError, StorageFull, StoreUnavailable
from chatbot.store.migrate import migrate_file
from chatbot.store.place import Displaced, Place, connect

T = TypeVar("T")

logger = logging.getLogger(__name__)

MAX_BATCH = 500
READ_CONNECTIONS = 16
# What SQLite says of a file that cannot be trusted.
DAMAGES = ("disk image is malformed", "file is not a database")


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[Connection], Any]
    future: Future[Any]


class StoreDamaged(StoreUnavailable):
    """The file is damaged: no later try will find it better."""


class SQLiteDatabase:
    """A store's file.

    Args:
        path: made, with its folder (0700), where it does not exist.
        is_lasting: False for a store that is thrown away with its process: a commit does not wait for the disk.

    Raises:
        StoreUnavailable: the file is damaged, of a newer version, or cannot be opened; or it is gone, and a log was
            published from it.
    """

    is_shared = False

    def __init__(self, path: Path, *, is_lasting: bool) -> None:
        self.path = path
        _make_private(path.parent)
        synchronous = "FULL" if is_lasting else "OFF"
        self._writing = _connect(path, begin="BEGIN IMMEDIATE", pool_size=2, synchronous=synchronous)
        self._reading = _connect(path, begin="BEGIN", pool_size=READ_CONNECTIONS, synchronous=synchronous)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._damage: StoreDamaged | None = None
        self._writer: threading.Thread | None = None
        try:
            self._place = Place(path, is_lasting=is_lasting)
            migrate_file(self._writing, path)
            self._place.settle()
            _make_owners(path)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise translate(error, path) from error

    @property
    def is_queued(self) -> bool:
        """Whether the writer thread runs."""
        return self._writer is not None

    @property
    def is_damaged(self) -> bool:
        """Whether damage was met: nothing is read or written any more."""
        return self._damage is not None

    def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job on one state of the file."""
        return self._run(self._reading, job)

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a transaction of its own."""
        return self._run(self._writing, job)

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job for the writer thread."""
        future: Future[T] = Future()
        # Marked as running, a future cannot be cancelled between the commit and its result.
        future.set_running_or_notify_cancel()
        self._queue.put(_Job(job, future))
        return future

    def start_writer(self) -> None:
        """Start the thread that commits what is queued."""
        self._writer = threading.Thread(target=self._drain, name="store-writer", daemon=True)
        self._writer.start()

    @contextmanager
    def hold_lock(self, name: str, timeout_s: float) -> Iterator[None]:
        """Hold nothing: one machine's processes have files to lock."""
        yield

    def vacuum(self) -> None:
        """Do nothing: deleted rows are overwritten at once."""

    def close(self) -> None:
        """Commit what is queued, then let go of every connection."""
        if self._writer:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._reading.dispose()
        self._writing.dispose()
        self._place.close()

    def _run(self, engine: Engine, job: Callable[[Connection], T]) -> T:
        """Run a job; where the file was taken away under it, put that back and run it again.

        Once damage was met nothing is written any more: it would be told as stored, and be lost with the file.
        """
        if self._damage:
            raise self._damage
        try:
            try:
                return self._run_once(engine, job)
            except (SQLAlchemyError, Displaced):
                if self._place.is_right():
                    raise
            self._return_to_place()
            return self._run_once(engine, job)
        except SQLAlchemyError as error:
            failure = translate(error, self.path)
            if isinstance(failure, StoreDamaged):
                self._damage = failure
                logger.critical("%s", failure)
            raise failure from error

    def _return_to_place(self) -> None:
        try:
            self._place.restore()
            for engine in (self._reading, self._writing):
                engine.dispose()
            # The next to come makes a journal for the file that was put back: the connection that is kept joins him.
            with self._reading.begin():
                self._place.settle()
        except (sqlite3.Error, OSError) as error:
            raise translate(error, self.path) from error

    def _run_once(self, engine: Engine, job: Callable[[Connection], T]) -> T:
        with engine.begin() as connection:
            result = job(connection)
            self._place.check()
            return result

    def _drain(self) -> None:
        is_open = True
        while is_open:
            batch = [self._queue.get()]
            while len(batch) < MAX_BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            is_open = None not in batch
            if jobs := [job for job in batch if job]:
                self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        def run_all(connection: Connection) -> list[tuple[_Job, Any, Exception | None]]:
            return [(job, *_run_nested(connection, job, self.path)) for job in jobs]

        try:
            outcomes = self._run(self._writing, run_all)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting
            failure = translate(error, self.path)
            logger.error("The store refused %d writes: %s", len(jobs), failure)
            for job in jobs:
                job.future.set_exception(failure)
            return
        for job, result, refusal in outcomes:
            if refusal:
                job.future.set_exception(refusal)
            else:
                job.future.set_result(result)


def translate(error: Exception, path: Path) -> Exception:
    """Turn an error of the database into ours; others pass as they are."""
    if isinstance(error, GuichetError):
        return error
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if any("disk is full" in said or "No space left" in said for said in map(str, _trace_back(error))):
        return StorageFull(f"The disk that holds {path.parent} is full. Free some space; nothing was lost.")
    if any(said in text for said in DAMAGES):
        return StoreDamaged(
            f"The store {path} is damaged ({text}). Stop the services and bring back a backup (`python -m chatbot "
            "restore DIR`)."
        )
    if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
        return StoreUnavailable(
            f"The store {path} does not answer: {text}. Check the file and its folder's rights."
        )
    return error


def _trace_back(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those it came of: asked to undo what a full disk has undone, SQLite misses the savepoint."""
    while error:
        yield error
        error = error.__context__


def _run_nested(connection: Connection, job: _Job, path: Path) -> tuple[Any, Exception | None]:
    """Run one job of a batch so that its refusal leaves the others alone; a failing database ends the batch."""
    # By the driver itself: SQLAlchemy's own savepoint takes as long as a whole row.
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT job")
    try:
        result = job.run(connection)
    except IntegrityError as error:
        driver.execute("ROLLBACK TO job")
        return None, translate(error, path)
    except DBAPIError:
        # A full disk makes SQLite roll all back by itself: asked for the savepoint it would hide what happened.
        raise
    except Exception as error:  # noqa: BLE001 - handed to the one who asked
        driver.execute("ROLLBACK TO job")
        return None, error
    driver.execute("RELEASE job")
    return result, None


def _connect(path: Path, *, begin: str, pool_size: int, synchronous: str) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(path),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=64,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late for a reader and not as IMMEDIATE for a writer.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "handle_error")
    def _let_go(context: ExceptionContext) -> None:
        # Opened while the disk took no writes, a connection stays read-only for ever: the next one may write again.
        text = str(context.original_exception)
        context.is_disconnect = "readonly" in text or "disk I/O error" in text

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _make_owners(path: Path) -> None:
    # Asked first: on a disk gone read-only a store that is there can still be read.
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise StoreUnavailable(
            f"DATA_DIR: the folder {folder} cannot be made or used: {error.strerror}. Choose one that can be written."
        ) from error
