"""Publishes the store into the log: copy the current generation, append, check, rename.

The mark (store id, change number) is a row of the file itself, so a publication is all or nothing: killed anywhere, the
generation before stands. With `is_shareable` a second edition follows the complete one, made the same way.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock
from sqlalchemy import Connection

from chatbot.errors import GuichetError, LogUnavailable, StorageFull
from chatbot.log.carry import Stamp, Written, take_snapshot, write_file
from chatbot.log.check import Checker
from chatbot.log.disguise import build_disguise
from chatbot.log.edition import Built, Edition, is_full
from chatbot.log.generations import SHAREABLE, Generations, read_notes
from chatbot.store.engine import Clock, Store, utc_now
from chatbot.telemetry import Metrics, log_event

logger = logging.getLogger(__name__)

# A publisher may take at most this share of a core on average.
CPU_SHARE = 1 / 20
LOCK_TIMEOUT_S = 120.0
LONGEST_PAUSE_S = 60.0
# A log of less than this is at most 5 s behind, whatever its last publication cost. The oldest that a reader opens was
# begun to be written two publications and a pause ago; what is left to 5 s is for one that takes longer than the last.
SMALL_BYTES = 100_000_000
SMALL_AGE_S = 3.5


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


class Publisher:
    """Brings the published log up to the store.

    Args:
        store: what is published.
        data_dir: where `conversations.duckdb`, `published/` and `private/` are.
        timezone: the team's IANA time zone, noted in the file.
        interval_s: the least seconds between two publications of `run_forever`.
        is_shareable: publish the edition without personal data too; else one that stands is taken away.
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
        is_shareable: bool = False,
        clock: Clock = utc_now,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._interval_s = interval_s
        self._clock = clock
        self._metrics = metrics
        self._checker = Checker()
        self._complete = Edition(store, data_dir, self._checker, timezone=timezone)
        self._shareable: Edition | None = None
        if is_shareable:
            disguise = build_disguise(data_dir / "private")
            self._shareable = Edition(store, data_dir, self._checker, timezone=timezone, disguise=disguise)
        self._last: Publication | None = None
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
        with _translate_errors(), self._lock(lock_timeout_s):
            started, cpu_started = time.perf_counter(), time.thread_time()
            self._checker.cpu_s = 0.0
            built = self._bring_up(self._complete, rebuild)
            if self._shareable:
                self._bring_up(self._shareable, rebuild)
            else:
                Generations(self._data_dir, SHAREABLE).retire()
            cpu_s = time.thread_time() - cpu_started + self._checker.cpu_s
            return self._report(built, time.perf_counter() - started, cpu_s)

    def finish_erasure(self, *, sleep: Callable[[float], None] = time.sleep) -> Publication:
        """Publish, and return once no published file holds what was erased before the call."""
        publication = self.publish()
        while any(edition.erased_standing for edition in (self._complete, self._shareable) if edition):
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
        checked_at = read_notes(self._data_dir).checked_at
        if not checked_at:
            return float("nan")
        # A clock that was put back makes it no less than new.
        return max(0.0, (self._clock() - checked_at).total_seconds())

    def close(self) -> None:
        """End the checking process."""
        self._checker.close()

    def _choose_pause(self) -> float:
        pause_s = choose_pause(self._last, self._complete.size) if self._last else 0.0
        return max(self._interval_s, pause_s)

    def _try_to_publish(self) -> bool:
        try:
            self._note(publication := self.publish(lock_timeout_s=0))
            if publication.is_rebuild:
                # What was written meanwhile is as old as the building took.
                self._note(self.publish(lock_timeout_s=0))
        except _Busy:
            # Another process publishes: its work is as good as ours.
            return True
        except GuichetError as error:
            logger.error("Publication failed (%s): %s", self._tell_age(), error)
        except Exception:
            logger.exception("Publication failed (%s)", self._tell_age())
        else:
            return True
        if self._metrics:
            self._metrics.publications.labels("failed").inc()
        return False

    def _tell_age(self) -> str:
        age_s = self.measure_age()
        return "there is no log yet" if math.isnan(age_s) else f"the log was up to date {age_s:.0f} s ago"

    def _note(self, publication: Publication) -> None:
        self._last = publication if publication.is_new else self._last

    @contextmanager
    def _lock(self, timeout_s: float) -> Iterator[None]:
        path = self._data_dir / "private" / "publish.lock"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as locks:
            try:
                locks.enter_context(FileLock(path, timeout=timeout_s))
                # Processes of one machine meet at the file, those of several at the store that they share.
                locks.enter_context(self._store.hold_lock("publisher", timeout_s))
            except TimeoutError as error:
                raise _Busy(
                    f"Another process has been publishing for {timeout_s:g} s. Wait for its end, then try again."
                ) from error
            yield

    def _bring_up(self, edition: Edition, rebuild: bool) -> Built | None:
        now = self._clock()
        built = edition.bring_up(now, rebuild)
        edition.clean(self._clock())
        return built

    def _report(self, built: Built | None, seconds: float, cpu_s: float) -> Publication:
        if built is None:
            current = self._complete.generations.find_current() or 0
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


def choose_pause(last: Publication, size: int | None) -> float:
    """Give the seconds to wait after a publication, so that it takes its share of a core and a small log stays fresh.

    Args:
        size: bytes of the log; None where they are not known.
    """
    pause_s = min(last.cpu_s / CPU_SHARE, LONGEST_PAUSE_S)
    if size is not None and size < SMALL_BYTES:
        pause_s = min(pause_s, max(0.0, SMALL_AGE_S - 2 * last.seconds))
    return pause_s


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


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if is_full(error):
            raise StorageFull(
                "The disk is full: the log was not published. Free some space; nothing was lost."
            ) from error
        raise LogUnavailable(f"The log was not published: {error}. Check the folder's rights.") from error


def _remove_all(building: Path) -> None:
    for path in building.parent.glob(f"{building.name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
