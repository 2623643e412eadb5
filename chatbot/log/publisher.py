"""Publishes the store into the log: copy the current generation, append, check, rename.

The mark (store id, change number) is a row of the file itself, so a publication is all or nothing: killed anywhere, the
generation before stands. A current generation that is not exactly the one that was published, comes from another store,
or may hold erased rows is not copied: the next one is built from the store alone.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout
from sqlalchemy import Connection

from chatbot.errors import GuichetError, LogUnavailable, StorageFull
from chatbot.log import schema
from chatbot.log.carry import Snapshot, Stamp, Written, take_snapshot, write_file
from chatbot.log.check import Checker, Head
from chatbot.log.generations import Fingerprint, Generations, read_notes, take_fingerprint
from chatbot.store.engine import Clock, Store, utc_now
from chatbot.telemetry import Metrics, log_event

logger = logging.getLogger(__name__)

# A publisher may take at most this share of a core on average.
CPU_SHARE = 1 / 20
LOCK_TIMEOUT_S = 120.0
LONGEST_PAUSE_S = 60.0
# A log of less than this is at most 5 s behind, whatever its last publication cost.
SMALL_BYTES = 100_000_000
SMALL_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publication did.

    `rows` counts those carried over; `cpu_s` is processor time of this thread and of the checking process. `is_new` is
    false where nothing had changed, and the generation named is the one that stood already.
    """

    generation: int
    rows: int
    seconds: float
    cpu_s: float
    is_rebuild: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Built:
    """A file under construction, closed, and how it was made."""

    path: Path
    stamp: Stamp
    written: Written
    snapshot: Snapshot
    is_rebuild: bool


class Publisher:
    """Brings the published log up to the store.

    Args:
        store: what is published.
        data_dir: where `conversations.duckdb`, `published/` and `private/` are.
        timezone: the team's IANA time zone, noted in the file.
        interval_s: the least seconds between two publications of `run_forever`.
        clock: gives the time noted in the file.
        metrics: told of age, failures and rows.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        *,
        timezone: str,
        interval_s: float,
        clock: Clock = utc_now,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._generations = Generations(data_dir)
        self._timezone = timezone
        self._interval_s = interval_s
        self._clock = clock
        self._metrics = metrics
        self._checker = Checker()
        self._known: tuple[Fingerprint | None, Head] | None = None
        self._erased_standing: list[int] = []
        self._last_cpu_s = 0.0
        if metrics:
            metrics.published_age.set_function(self.measure_age)

    def publish(self, rebuild: bool = False, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> Publication:
        """Bring the log up to date, once.

        Args:
            rebuild: build the file from the store alone, whatever stands.
            lock_timeout_s: how long to wait for another publisher.

        Raises:
            StorageFull: the disk is full; what stood still stands.
            LogUnavailable: another publisher is at work, or the file could not be made.
            StoreUnavailable: the store cannot be read.
        """
        with self._lock(lock_timeout_s), _translate_errors():
            started, cpu_started = time.perf_counter(), time.thread_time()
            self._checker.cpu_s = 0.0
            self._generations.prepare()
            now = self._clock()
            built = self._build(now, rebuild)
            if built:
                self._install(built)
            self._erased_standing = self._generations.clean(self._clock())
            self._generations.note_check(now)
            cpu_s = time.thread_time() - cpu_started + self._checker.cpu_s
            return self._report(built, time.perf_counter() - started, cpu_s)

    def finish_erasure(self, *, sleep: Callable[[float], None] = time.sleep) -> Publication:
        """Publish, and return once no published file holds what was erased before the call."""
        publication = self.publish()
        while self._erased_standing:
            sleep(0.5)
            self.publish()
        return publication

    def run_forever(self, stop: threading.Event) -> None:
        """Publish again and again until told to stop, then once more; failures are logged and tried again."""
        pause_s = 0.0
        while not stop.wait(pause_s):
            failed = not self._try_to_publish()
            least_s = self._choose_pause()
            pause_s = min(max(2 * pause_s, least_s), LONGEST_PAUSE_S) if failed else least_s
        self._try_to_publish()
        self.close()

    def measure_age(self) -> float:
        """Give the seconds since the log was last known to hold all that is stored; NaN before the first time."""
        # From the file: another process may have published since.
        checked_at = read_notes(self._generations.data_dir).checked_at
        return (self._clock() - checked_at).total_seconds() if checked_at else float("nan")

    def close(self) -> None:
        """End the checking process."""
        self._checker.close()

    def _choose_pause(self) -> float:
        pause_s = self._last_cpu_s / CPU_SHARE
        if self._known and self._known[0] and self._known[0].size < SMALL_BYTES:
            pause_s = min(pause_s, SMALL_PAUSE_S)
        return max(self._interval_s, pause_s)

    def _try_to_publish(self) -> bool:
        try:
            publication = self.publish(lock_timeout_s=0)
        except _Busy:
            # Another process publishes: its work is as good as ours.
            return True
        except GuichetError as error:
            logger.error("The log was not published: %s", error)
        except Exception:
            logger.exception("The log was not published.")
        else:
            self._last_cpu_s = publication.cpu_s if publication.is_new else self._last_cpu_s
            return True
        if self._metrics:
            self._metrics.publications.labels("failed").inc()
        return False

    @contextmanager
    def _lock(self, timeout_s: float) -> Iterator[None]:
        path = self._generations.data_dir / "private" / "publish.lock"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=timeout_s):
                yield
        except Timeout as error:
            raise _Busy(
                f"Another process has been publishing for {timeout_s:g} s. Wait for its end, then try again."
            ) from error

    def _build(self, now: datetime, rebuild: bool) -> _Built | None:
        """Build the next generation; where the current one turns out to be damaged, from the store alone."""
        head = self._inspect()
        try:
            return self._store.read(self._build_from, now, None if rebuild else head)
        except (duckdb.Error, LogUnavailable) as error:
            if head is None or rebuild or _is_full(error):
                raise
            logger.warning("Generation %d cannot be continued (%s); building anew.", head.generation, error)
            return self._store.read(self._build_from, now, None)

    def _inspect(self) -> Head | None:
        """Give what the current generation says about itself; None where it cannot be continued."""
        number = self._generations.find_current()
        if number is None:
            return None
        if not self._generations.is_untouched(number):
            logger.warning("Generation %d is not as it was published; building anew.", number)
            return None
        fingerprint = self._generations.notes.fingerprints[number]
        if self._known and self._known[0] == fingerprint:
            return self._known[1]
        try:
            head = self._checker.read_head(self._generations.locate(number))
        except LogUnavailable as error:
            logger.warning("Generation %d cannot be read (%s); building anew.", number, error)
            return None
        self._known = (fingerprint, head)
        return head

    def _build_from(self, store: Connection, now: datetime, head: Head | None) -> _Built | None:
        """Build on one state of the store; None where the current generation holds all of it."""
        snapshot = take_snapshot(store)
        base = head if head and _can_continue(head, snapshot) else None
        if base and self._is_current(base, snapshot):
            return None
        number = self._generations.choose_next()
        stamp = Stamp(number, now, self._timezone, snapshot.store_id, snapshot.last_change)
        path = self._generations.choose_building()
        try:
            if base:
                self._copy(base, path)
            since = base.mark if base else 0
            written = write_file(store, path, stamp, since, is_copy=base is not None)
            self._checker.check(path, written.rows, written.tails)
        except BaseException:
            self._generations.discard(path)
            raise
        return _Built(path, stamp, written, snapshot, is_rebuild=base is None)

    def _is_current(self, base: Head, snapshot: Snapshot) -> bool:
        if base.mark != snapshot.last_change or base.timezone != self._timezone:
            return False
        # One who holds it open for writing keeps every reader out: give them another.
        return not self._checker.is_held(self._generations.locate(base.generation))

    def _copy(self, base: Head, path: Path) -> None:
        shutil.copyfile(self._generations.locate(base.generation), path)
        if not self._generations.is_untouched(base.generation):
            raise LogUnavailable(f"Generation {base.generation} was written to while it was copied.")

    def _install(self, built: _Built) -> None:
        stamp, rows = built.stamp, built.written.rows
        try:
            erasure = (built.snapshot.store_id, built.snapshot.last_erasure)
            self._generations.install(built.path, stamp.generation, self._clock(), erasure=erasure)
        except BaseException:
            self._generations.discard(built.path)
            raise
        head = Head(
            schema.SCHEMA_VERSION,
            stamp.generation,
            stamp.published_at.isoformat(),
            stamp.timezone,
            stamp.store_id,
            stamp.mark,
            rows,
        )
        self._known = (take_fingerprint(self._generations.locate(stamp.generation)), head)

    def _report(self, built: _Built | None, seconds: float, cpu_s: float) -> Publication:
        if built is None:
            current = self._generations.find_current() or 0
            return Publication(current, 0, seconds, cpu_s, is_rebuild=False, is_new=False)
        publication = Publication(
            built.stamp.generation, built.written.carried, seconds, cpu_s, built.is_rebuild, is_new=True
        )
        if self._metrics:
            self._metrics.publications.labels("rebuilt" if built.is_rebuild else "published").inc()
            for table, count in built.written.rows.items():
                self._metrics.log_rows.labels(table).set(count)
        log_event(
            logger,
            "Log published",
            level=logging.INFO if built.is_rebuild else logging.DEBUG,
            event__duration=round(seconds * 1e9),
            generation=publication.generation,
            rows=publication.rows,
            is_rebuild=publication.is_rebuild,
        )
        return publication


class _Busy(LogUnavailable):
    """Another process holds the publisher's lock."""


def publish_file(store: Store, path: Path, *, timezone: str, clock: Clock = utc_now) -> Written:
    """Publish a store into one plain file, as generation 1; a file of that name is replaced."""
    building = path.with_name(f".{path.name}.building")
    checker = Checker()
    with _translate_errors():
        try:
            _remove_all(building)
            written = store.read(_write_all, building, timezone, clock())
            checker.check(building, written.rows, written.tails)
            building.replace(path)
        finally:
            checker.close()
            _remove_all(building)
    return written


def _write_all(store: Connection, path: Path, timezone: str, now: datetime) -> Written:
    snapshot = take_snapshot(store)
    stamp = Stamp(1, now.astimezone(UTC), timezone, snapshot.store_id, snapshot.last_change)
    return write_file(store, path, stamp, 0, is_copy=False)


def _can_continue(head: Head, snapshot: Snapshot) -> bool:
    return (
        head.schema_version == schema.SCHEMA_VERSION
        and head.store_id == snapshot.store_id
        and snapshot.last_erasure <= head.mark <= snapshot.last_change
    )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if _is_full(error):
            raise StorageFull(
                "The disk is full: the log was not published. Free some space; nothing was lost."
            ) from error
        raise LogUnavailable(f"The log was not published: {error}. Check the folder's rights.") from error


def _is_full(error: Exception) -> bool:
    text = str(error)
    return "No space left" in text or "disk is full" in text


def _remove_all(building: Path) -> None:
    for path in building.parent.glob(f"{building.name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
