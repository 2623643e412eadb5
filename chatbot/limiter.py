"""How often something may be done: the `limits` library over counters in the store."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Connection

from chatbot.errors import RateLimited
from chatbot.rates import say_rate, say_wait
from chatbot.store import counters
from chatbot.store.engine import Clock, Store
from chatbot.telemetry import log_security

logger = logging.getLogger(__name__)


class _Transaction:
    """What a storage asks of a store, done in a transaction under way."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self.clock = clock

    def read(self, job: Callable[..., Any], *args: Any) -> Any:
        return job(self._connection, *args)

    write = read


class StoreStorage(Storage):
    """The store as a storage of `limits`: it holds across processes and restarts."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, store: Store | _Transaction) -> None:
        super().__init__()
        self._store = store

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._store.clock()
        return self._store.write(counters.increase, key, amount, now, now + timedelta(seconds=expiry))

    def get(self, key: str) -> int:
        return self._store.read(counters.read_counter, key, self._store.clock())[0]

    def get_expiry(self, key: str) -> float:
        end = self._store.read(counters.read_counter, key, self._store.clock())[1]
        return (end or self._store.clock()).timestamp()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        self._store.write(counters.clear_counter)
        return None

    def clear(self, key: str) -> None:
        self._store.write(counters.clear_counter, key)


def multiply_rate(rate: str, factor: int) -> str:
    """Give a rate such as `30/minute` that allows `factor` times as much."""
    number, _, period = rate.partition("/")
    return f"{int(number) * factor}/{period}"


class Limiter:
    """Counts what was done by whom.

    Args:
        rate: such as `30/minute` or `10 per 5 minutes`.
        deed: what is limited, one of `rates.DEEDS`; keeps this limiter's counters apart from others'.
    """

    def __init__(self, store: Store, rate: str, deed: str) -> None:
        self._store = store
        self._strategy = FixedWindowRateLimiter(StoreStorage(store))
        self._item: RateLimitItem = parse(rate)
        self._rate = rate
        self._deed = deed

    def check(self, key: str) -> None:
        """Refuse when nothing is left, without counting.

        Raises:
            RateLimited: with the seconds until the window ends.
        """
        if not self._strategy.test(self._item, self._deed, key):
            raise self._refuse(self._strategy, key)

    def count(self, key: str) -> None:
        """Count one.

        Raises:
            RateLimited: nothing was left.
        """
        self._hit(self._strategy, key)

    def count_within(self, connection: Connection, key: str) -> None:
        """Count one in a transaction under way, which the caller commits whatever else it refuses.

        Raises:
            RateLimited: as `count`.
        """
        storage = StoreStorage(_Transaction(connection, self._store.clock))
        self._hit(FixedWindowRateLimiter(storage), key)

    def clear(self, key: str) -> None:
        """Forget what was counted."""
        self._strategy.clear(self._item, self._deed, key)

    def _hit(self, strategy: FixedWindowRateLimiter, key: str) -> None:
        if not strategy.hit(self._item, self._deed, key):
            raise self._refuse(strategy, key)

    def _refuse(self, strategy: FixedWindowRateLimiter, key: str) -> RateLimited:
        end = strategy.get_window_stats(self._item, self._deed, key).reset_time
        seconds = max(1, math.ceil(end - self._store.clock().timestamp()))
        limit = say_rate(self._rate, self._deed)
        log_security(logger, "A limit was reached", "rate-limited", labels__limit=f"{self._deed}: {limit}")
        return RateLimited(
            f"The limit of {limit} is reached. Wait {say_wait(seconds)} and try again.",
            seconds,
            rate=self._rate,
            deed=self._deed,
        )
