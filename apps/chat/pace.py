"""How often a listener is sent what is new: less often where many are listening."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """Counts who follows an answer, and has each wait its time between two updates.

    Args:
        least_s: seconds between two updates of one follower, however few there are.
        follower_s: seconds that each follower adds for all, once they come to more than `least_s`: the cost of an
            update over the share of a core that all updates may take.
    """

    def __init__(self, *, least_s: float, follower_s: float) -> None:
        self._least_s = least_s
        self._follower_s = follower_s
        self._followers = 0

    @property
    def interval_s(self) -> float:
        """Seconds between two updates of one follower."""
        return max(self._least_s, self._followers * self._follower_s)

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Count as a follower."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    async def pause(self) -> None:
        """Wait from one update to the next."""
        await asyncio.sleep(self.interval_s)

    async def wait(self, drawn_at: float) -> None:
        """Wait until the next update is due.

        Args:
            drawn_at: monotonic seconds of the last one.
        """
        rest = drawn_at + self.interval_s - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
