"""Tells up to when the log holds all that was stored.

In a store that many write to at once that is not the time of the last publication: rows are carried only up to the
oldest transaction under way on the server, and one that stays open keeps the log where it is.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime

from sqlalchemy import Connection

from chatbot.store.changes import has_changes, read_highest

logger = logging.getLogger(__name__)

# Longer than any transaction of ours.
LATE_S = 60.0
# At a publication every two seconds, half a day.
MOST_MARKS = 20_000


class Freshness:
    """What a publisher has seen of the store's numbers, and when."""

    def __init__(self) -> None:
        # (moment, the highest number there was then), oldest first, of those the log has not reached.
        self._seen: deque[tuple[datetime, int]] = deque(maxlen=MOST_MARKS)
        self._held_at: datetime | None = None
        self._is_late = False

    def judge(self, store: Connection, settled: int, now: datetime) -> datetime | None:
        """Give the last moment known of which all that was stored by then can be carried; None where none is known.

        Args:
            settled: the number up to which changes are carried.
        """
        highest = read_highest(store)
        self._seen.append((now, highest))
        while self._seen and self._seen[0][1] <= settled:
            self._held_at = self._seen.popleft()[0]
        if self._seen and not has_changes(store, settled, highest):
            # The numbers between are others' transactions: nothing of ours waits.
            self._held_at = now
            self._seen.clear()
        self._report(now)
        return self._held_at

    def _report(self, now: datetime) -> None:
        since = self._held_at or (self._seen[0][0] if self._seen else now)
        is_late = (now - since).total_seconds() > LATE_S
        if is_late and not self._is_late:
            logger.warning(
                "The log stays where it was %d s ago: a transaction is open on the store's server. Look for it in "
                "pg_stat_activity, by xact_start, in every database.",
                (now - since).total_seconds(),
            )
        self._is_late = is_late
