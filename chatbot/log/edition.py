"""One edition of the published log: inspects its current generation, builds the next one, puts it in its place.

The caller holds the publisher's lock. A current generation that is not exactly the one that was published, comes from
another store or another disguise, or may hold erased rows is not copied: the next one is built from the store alone.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from chatbot.errors import LogUnavailable
from chatbot.log import schema
from chatbot.log.carry import Snapshot, Stamp, Written, take_snapshot, write_file
from chatbot.log.check import Checker, Head
from chatbot.log.disguise import Disguise
from chatbot.log.exports import scrub_exports
from chatbot.log.freshness import Freshness
from chatbot.log.generations import COMPLETE, SHAREABLE, Fingerprint, Generations, take_fingerprint
from chatbot.store.changes import has_changes, read_last
from chatbot.store.engine import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """A file under construction, closed, and how it was made."""

    path: Path
    stamp: Stamp
    written: Written
    snapshot: Snapshot
    is_rebuild: bool


class Edition:
    """The complete log, or with a disguise the shareable one.

    Args:
        checker: judges files; shared by the editions of a publisher.
        timezone: the team's IANA time zone, noted in the file.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        checker: Checker,
        *,
        timezone: str,
        disguise: Disguise | None = None,
    ) -> None:
        self.generations = Generations(data_dir, SHAREABLE if disguise else COMPLETE)
        self.erased_standing: list[int] = []
        self._store = store
        self._checker = checker
        self._timezone = timezone
        self._disguise = disguise
        self._known: tuple[Fingerprint | None, Head] | None = None
        self._freshness = Freshness()
        self._held_at: datetime | None = None

    @property
    def size(self) -> int | None:
        """Bytes of the current generation; None where none is known."""
        return self._known[0].size if self._known and self._known[0] else None

    def bring_up(self, now: datetime, rebuild: bool) -> Built | None:
        """Publish what was stored since; None where the current generation holds all of it.

        Args:
            rebuild: build the file from the store alone, whatever stands.
        """
        self.generations.prepare()
        built = self._build(now, rebuild)
        if built:
            self._install(built, now)
        return built

    def clean(self, now: datetime) -> None:
        """Unlink what nobody needs any more, and note up to when all that was stored is published."""
        self.erased_standing = self.generations.clean(now)
        if self._held_at:
            self.generations.note_check(self._held_at)

    def _build(self, now: datetime, rebuild: bool) -> Built | None:
        """Build the next generation; where the current one turns out to be damaged, from the store alone."""
        head = self._inspect()
        try:
            return self._store.read(self._build_from, now, head, rebuild)
        except (duckdb.Error, LogUnavailable) as error:
            if head is None or rebuild or is_full(error):
                raise
            logger.warning("Generation %d cannot be continued (%s); building anew.", head.generation, error)
            return self._store.read(self._build_from, now, None, rebuild)

    def _inspect(self) -> Head | None:
        """Give what the current generation says about itself; None where it cannot be continued."""
        number = self.generations.find_current()
        if number is None:
            if self.generations.notes.fingerprints or self.generations.list_numbers():
                logger.warning("%s does not lead to a generation; building anew.", self.generations.link)
            return None
        if not self.generations.is_untouched(number):
            logger.warning("Generation %d is not as it was published; building anew.", number)
            return None
        fingerprint = self.generations.notes.fingerprints[number]
        if self._known and self._known[0] == fingerprint:
            return self._known[1]
        try:
            head = self._checker.read_head(self.generations.locate(number))
        except LogUnavailable as error:
            logger.warning("Generation %d cannot be read (%s); building anew.", number, error)
            return None
        self._known = (fingerprint, head)
        return head

    def _build_from(self, store: Connection, now: datetime, head: Head | None, rebuild: bool) -> Built | None:
        """Build on one state of the store; None where the current generation holds all of it."""
        snapshot = take_snapshot(store)
        self._held_at = self._freshness.judge(store, snapshot.last_change, now)
        if self.generations.is_erasing((snapshot.store_id, snapshot.last_erasure)):
            # Before the erasure is noted as carried out: killed between the two, the next publication does it again.
            scrub_exports(store, self.generations.data_dir)
        if head and is_ahead(head, snapshot):
            self._keep_ahead(head, snapshot)
        base = head if head and not rebuild and self._can_continue(head, snapshot) else None
        if base and self._is_current(store, base, snapshot):
            return None
        number = self.generations.choose_next()
        mark = max(base.mark if base else 0, read_last(store, snapshot.last_change))
        stamp = Stamp(number, now, self._timezone, snapshot.store_id, mark, self._disguise)
        path = self.generations.choose_building()
        try:
            if base:
                self._copy(base, path)
            since = base.mark if base else 0
            written = write_file(store, path, stamp, since, is_copy=base is not None)
            self._checker.check(path, written.rows, written.tails)
        except BaseException:
            self.generations.discard(path)
            raise
        return Built(path, stamp, written, snapshot, is_rebuild=base is None)

    def _can_continue(self, head: Head, snapshot: Snapshot) -> bool:
        return (
            head.schema_version == schema.SCHEMA_VERSION
            and head.store_id == snapshot.store_id
            and head.disguise == (self._disguise.name if self._disguise else None)
            and head.mark <= snapshot.last_change
            and (snapshot.last_erasure <= head.mark or self._is_clean(head, snapshot))
        )

    def _is_clean(self, head: Head, snapshot: Snapshot) -> bool:
        """Tell whether the last erasure was carried out on a generation whose mark does not reach it yet.

        In PostgreSQL the mark stays below a transaction that is open elsewhere, for as long as it is.
        """
        notes = self.generations.notes
        is_done = not self.generations.is_erasing((snapshot.store_id, snapshot.last_erasure))
        return is_done and head.generation >= notes.erased_below

    def _keep_ahead(self, head: Head, snapshot: Snapshot) -> None:
        self.generations.keep_ahead(head.generation)
        logger.error(
            "The store has lost what generation %d holds: it stands at change %d, the log at %d. Its journal was lost, "
            "or an older copy put in its place. %s is kept, to save rows from; remove it when you are done.",
            head.generation,
            snapshot.last_change,
            head.mark,
            self.generations.locate(head.generation),
        )

    def _is_current(self, store: Connection, base: Head, snapshot: Snapshot) -> bool:
        if base.timezone != self._timezone or has_changes(store, base.mark, snapshot.last_change):
            return False
        # One who holds it open for writing keeps every reader out: give them another.
        return not self._checker.is_held(self.generations.locate(base.generation))

    def _copy(self, base: Head, path: Path) -> None:
        shutil.copyfile(self.generations.locate(base.generation), path)
        if not self.generations.is_untouched(base.generation):
            raise LogUnavailable(f"Generation {base.generation} was written to while it was copied.")

    def _install(self, built: Built, now: datetime) -> None:
        stamp = built.stamp
        try:
            erasure = (built.snapshot.store_id, built.snapshot.last_erasure)
            self.generations.install(built.path, stamp.generation, now, erasure=erasure)
        except BaseException:
            self.generations.discard(built.path)
            raise
        head = Head(
            schema.SCHEMA_VERSION,
            stamp.generation,
            stamp.published_at.isoformat(),
            stamp.timezone,
            stamp.store_id,
            stamp.mark,
            built.written.rows,
            "shareable" if stamp.disguise else "complete",
            stamp.disguise.name if stamp.disguise else None,
        )
        self._known = (take_fingerprint(self.generations.locate(stamp.generation)), head)


def is_ahead(head: Head, snapshot: Snapshot) -> bool:
    """Tell whether a generation of this store holds changes that the store itself no longer has."""
    return head.store_id == snapshot.store_id and head.mark > snapshot.last_change


def is_full(error: Exception) -> bool:
    """Tell whether an error says that the disk is full."""
    text = str(error)
    return "No space left" in text or "disk is full" in text
