"""The store in PostgreSQL: what several replicas, on several machines, share.

A service's writes that wait together are one transaction (`grouping`), others each their own. Where jobs meet, the
second waits for a row that the first has locked, or breaks a constraint and is run again, to find what the first has
written.

A connection may be lost at any moment: the server is restarted, or another takes its place. A job whose transaction had
not ended is run again. One lost while it was committing may be durable or not: so each transaction leaves a receipt, a
row of its connection's with a number that counts up, by which that is found out, and the job is run again only where it
is not. Nothing is lost and nothing done twice. (The transaction's id is no proof: a server that crashed gives the ids
anew that its journal had not kept, and says of another's transaction that it was committed; measured.)
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, TextClause, create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from chatbot.errors import StoreUnavailable
from chatbot.store.changes import CHANGE, recognize_database
from chatbot.store.grouping import GroupWriter
from chatbot.store.migrate import migrate_server
from chatbot.store.schema import metadata
from chatbot.store.server import (
    LOST_CLASSES,
    complete_address,
    connect,
    name_database,
    read_state,
    translate_error,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

# More than the writers of a service: reads find a connection while all of those wait.
POOL_SIZE = 20
MAX_OVERFLOW = 4
# Long enough for a server's restart or another's taking over, shorter than a turn's lease.
PATIENCE_S = 25.0
PAUSE_S = 0.01
LONGEST_PAUSE_S = 1.0
CONFLICT_TRIES = 4
LOCK_PAUSE_S = 0.1

NOW = "CAST(extract(epoch FROM now()) * 1000000 AS bigint)"
RECEIPT = (
    f"INSERT INTO receipts (receipt_id, number, written_at) VALUES (:id, :number, {NOW}) "  # noqa: S608
    "ON CONFLICT (receipt_id) DO UPDATE SET "
)
BEGUN = (
    f"WITH receipt AS ({RECEIPT} number = excluded.number, written_at = excluded.written_at) "  # noqa: S608
    "SELECT value + CAST(CAST(pg_current_xact_id() AS text) AS bigint){more} FROM change_counter"
)
TRANSACTION = text(BEGUN.format(more=""))
# Who waits for a lock, perhaps in a circle, keeps all waiting who are in the same transaction.
SHARED_TRANSACTION = text(BEGUN.format(more=", set_config('lock_timeout', '100ms', true)"))
# Waits where the server is still at the transaction, for the connection that it does not know to be lost.
LAST_RECEIPT = text(f"{RECEIPT} written_at = excluded.written_at RETURNING number")
FORGET_RECEIPTS = text(f"DELETE FROM receipts WHERE written_at < {NOW} - :age")  # noqa: S608
RECEIPT_LIFE_US = 7 * 24 * 3600 * 1_000_000
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('guichet.' || %s, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('guichet.' || %s, 0))"
OWN_RECEIPT = "guichet_receipt"

CONFLICTS = frozenset({"40001", "40P01"})


@dataclass(slots=True)
class Receipt:
    """What a connection's last transaction leaves: the connection's name, and the number of the transaction in it."""

    id: str
    number: int = 0


class PostgreSQLDatabase:
    """A store's database on a server.

    Args:
        address: as libpq takes it, `postgresql://user:password@host:port/database?sslmode=…`; of several hosts all,
            with commas between.

    Raises:
        StoreUnavailable: it does not answer, is older than version 13, or holds a newer store.
    """

    is_shared = True

    def __init__(self, address: str) -> None:
        self.name = name_database(address)
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=partial(connect, complete_address(address), self.name),
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            pool_timeout=PATIENCE_S,
            pool_use_lifo=True,
        )
        self._reading = _begin_by(self._engine, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._writing = _begin_by(self._engine, "BEGIN ISOLATION LEVEL READ COMMITTED")
        self._writer: GroupWriter | None = None
        self._lost_at: float | None = None
        self._lock = threading.Lock()
        try:
            migrate_server(self._writing, self.name)
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise translate_error(error, self.name) from error
        except StoreUnavailable:
            self._engine.dispose()
            raise
        if self.write(recognize_database):
            logger.info("The store %s is taken for one of its own; the log will be built anew", self.name)
        self.write(lambda connection: connection.execute(FORGET_RECEIPTS, {"age": RECEIPT_LIFE_US}))

    @property
    def is_queued(self) -> bool:
        """Whether writes go through threads of their own."""
        return self._writer is not None

    def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job on one state of the database."""

        def run() -> T:
            with self._reading.begin() as connection:
                return job(connection)

        return self._persist(run)

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a transaction of its own."""
        return self._persist(lambda: self._write(job))

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Have a job done by the threads that write."""
        self.start_writer()
        assert self._writer  # noqa: S101 - just started
        return self._writer.submit(job)

    def start_writer(self) -> None:
        """Start the threads that write."""
        if self._writer is None:
            self._writer = GroupWriter(self._write_together, self.write)

    @contextmanager
    def hold_lock(self, name: str, timeout_s: float) -> Iterator[None]:
        """Hold an advisory lock; it goes with its connection, and so with a process that dies.

        Raises:
            TimeoutError: another process held it all the time.
            StoreUnavailable: the server does not answer.
        """
        try:
            connection = self._engine.raw_connection()
        except SQLAlchemyError as error:
            raise translate_error(error, self.name) from error
        cursor = connection.cursor()
        try:
            self._take_lock(cursor, name, timeout_s)
            yield
            cursor.execute(UNLOCK, (name,))
        except psycopg.Error as error:
            connection.invalidate()
            said = " ".join(str(error).split()).rstrip(".")
            raise StoreUnavailable(f"The store {self.name} does not answer: {said}.") from error
        except BaseException:
            # Closed, the connection gives the lock back whatever state it is in.
            connection.invalidate()
            raise
        finally:
            connection.close()

    def vacuum(self) -> None:
        """Have the server take deleted rows out of its files' pages; their bytes are overwritten in time."""

        def run() -> None:
            with self._engine.connect() as connection:
                # Not the whole database: others may keep their tables in it.
                connection.exec_driver_sql(f"VACUUM {', '.join(metadata.tables)}")

        self._persist(run)

    def close(self) -> None:
        """Commit what is queued, then let go of every connection."""
        if self._writer:
            self._writer.close()
            self._writer = None
        self._engine.dispose()

    def _write_together(self, jobs: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        return self._write(lambda connection: [job(connection) for job in jobs], SHARED_TRANSACTION)

    def _write(self, job: Callable[[Connection], T], begin: TextClause = TRANSACTION) -> T:
        with self._writing.connect() as connection:
            transaction = connection.begin()
            receipt: Receipt = connection.info.setdefault(OWN_RECEIPT, Receipt(str(uuid.uuid4())))
            receipt.number += 1
            connection.info[CHANGE] = connection.execute(begin, asdict(receipt)).scalar_one()
            result = job(connection)
            try:
                transaction.commit()
            except DBAPIError as error:
                if not _is_lost(error) or not self._was_committed(receipt):
                    raise
                logger.warning("The connection to the store was lost in a commit that was durable already")
            return result

    def _was_committed(self, receipt: Receipt) -> bool:
        """Find out how a transaction ended whose connection was lost while it was committing.

        Raises:
            StoreUnavailable: the server did not come back in time; it is not known.
        """

        def ask() -> int:
            with self._writing.begin() as connection:
                return int(connection.execute(LAST_RECEIPT, {"id": receipt.id, "number": 0}).scalar_one())

        return self._persist(ask) == receipt.number

    def _persist(self, run: Callable[[], T]) -> T:
        """Run again what the database undid without its fault, until it is done or patience ends."""
        tries = 0
        while True:
            try:
                result = run()
            except SQLAlchemyError as error:
                tries += 1
                if not self._is_worth_a_try(error, tries):
                    raise translate_error(error, self.name) from error
            else:
                self._lost_at = None
                return result
            time.sleep(min(PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S))

    def _is_worth_a_try(self, error: SQLAlchemyError, tries: int) -> bool:
        if not isinstance(error, DBAPIError):
            return False
        if _is_lost(error):
            with self._lock:
                if self._lost_at is None:
                    logger.warning("%s", translate_error(error, self.name))
                    self._lost_at = time.monotonic()
                # Counted from the beginning of the outage: once it lasts, callers are told at once.
                return time.monotonic() - self._lost_at < PATIENCE_S
        is_conflict = isinstance(error, IntegrityError) or read_state(error) in CONFLICTS
        return is_conflict and tries < CONFLICT_TRIES

    def _take_lock(self, cursor: Any, name: str, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not cursor.execute(LOCK, (name,)).fetchone()[0]:
            if time.monotonic() >= end:
                raise TimeoutError(f"The lock {name} is held by another process.")
            time.sleep(LOCK_PAUSE_S)


def _begin_by(engine: Engine, statement: str) -> Engine:
    derived = engine.execution_options(begin=statement)

    @event.listens_for(derived, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return derived


def _is_lost(error: DBAPIError) -> bool:
    state = read_state(error)
    if state is None:
        return isinstance(error, OperationalError) or error.connection_invalidated
    return state.startswith(LOST_CLASSES)
