"""How often a page is drawn anew: ten times a second, less often where many answers are being followed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

DRAWN_S = 0.1
# An update costs the server about a millisecond of a core, whoever looks on; with more followers than these
# the time between two updates grows with their number, so that drawing never takes more than half a core.
FOLLOWERS = 50


class Pace:
    """Counts who follows an answer, and has each wait its time between two updates."""

    def __init__(self) -> None:
        self._followers = 0

    @property
    def interval_s(self) -> float:
        """Seconds between two updates of one follower."""
        return DRAWN_S * max(1.0, self._followers / FOLLOWERS)

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Count as a follower."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    async def wait(self, drawn_at: float) -> None:
        """Wait until the next update is due.

        Args:
            drawn_at: monotonic seconds of the last one.
        """
        rest = drawn_at + self.interval_s - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
