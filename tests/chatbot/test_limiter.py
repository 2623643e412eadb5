"""Limiters count per deed and key, over the store, and say when to come again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from chatbot.errors import RateLimited
from chatbot.limiter import Limiter, StoreStorage, multiply_rate
from chatbot.store.engine import Store
from tests.conftest import Clock


def count(limiter: Limiter, key: str = "a", times: int = 1) -> None:
    """Count several times."""
    for _ in range(times):
        limiter.count(key)


def test_so_many_are_allowed_and_no_more(store: Store) -> None:
    """The rate's number passes; the next one is refused."""
    limiter = Limiter(store, "3/minute", "message")
    count(limiter, times=3)
    with pytest.raises(RateLimited):
        limiter.count("a")


def test_refusal_says_when_to_come_again(store: Store, clock: Clock) -> None:
    """`retry_after_s` is what is left of the window, rounded up; then a call succeeds, in each window alike."""
    limiter = Limiter(store, "2/minute", "message")
    for _ in range(3):
        count(limiter, times=2)
        clock.advance(seconds=10.5)
        with pytest.raises(RateLimited) as refused:
            limiter.count("a")
        assert refused.value.retry_after_s == 50
        clock.advance(seconds=49.5)
        limiter.check("a")


def test_check_does_not_count(store: Store) -> None:
    """Looking uses nothing up, and refuses when nothing is left."""
    limiter = Limiter(store, "1/minute", "message")
    for _ in range(3):
        limiter.check("a")
    count(limiter)
    with pytest.raises(RateLimited):
        limiter.check("a")


def test_counting_can_be_part_of_a_write(store: Store, clock: Clock) -> None:
    """Counted within a transaction it holds as by itself, with the end of the window that the transaction began."""
    limiter = Limiter(store, "1/minute", "message")
    store.write(limiter.count_within, "a")
    with pytest.raises(RateLimited) as refused:
        limiter.count("a")
    assert refused.value.retry_after_s == 60
    clock.advance(minutes=2)

    def count_twice(connection: Connection) -> None:
        limiter.count_within(connection, "a")
        limiter.count_within(connection, "a")

    with pytest.raises(RateLimited) as refused:
        store.write(count_twice)
    assert refused.value.retry_after_s == 60


def test_keys_and_deeds_are_apart(store: Store) -> None:
    """Another tester, or another deed of the same, has his own allowance."""
    message, login = Limiter(store, "1/minute", "message"), Limiter(store, "1/minute", "login")
    count(message)
    count(message, "b")
    count(login)
    with pytest.raises(RateLimited):
        message.count("b")


def test_cleared_key_begins_anew(store: Store) -> None:
    """What was counted can be forgotten."""
    limiter = Limiter(store, "1/minute", "message")
    count(limiter)
    limiter.clear("a")
    count(limiter)


def test_limit_holds_across_processes(store: Store, clock: Clock) -> None:
    """Another process on the same store counts with this one, and a restart forgets nothing."""
    count(Limiter(store, "2/minute", "message"), times=2)
    other = Store(store.path, clock=clock)
    with pytest.raises(RateLimited):
        Limiter(other, "2/minute", "message").count("a")
    other.close()


def test_many_at_once_get_no_more_than_the_limit(store: Store) -> None:
    """Calls at the same time are counted one by one."""
    store.start_writer()
    limiter = Limiter(store, "10/minute", "message")

    def is_allowed(_: int) -> bool:
        try:
            limiter.count("a")
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(is_allowed, range(40))) == 10


def test_storage_keeps_the_librarys_contract(store: Store, clock: Clock) -> None:
    """The storage counts, tells and forgets as the `limits` library expects."""
    storage = StoreStorage(store)
    assert storage.check() is True
    assert storage.get("k") == 0
    assert storage.get_expiry("k") == clock().timestamp()
    assert [storage.incr("k", 60), storage.incr("k", 60, 2)] == [1, 3]
    assert storage.get("k") == 3
    assert storage.get_expiry("k") == clock().timestamp() + 60
    storage.clear("k")
    assert storage.get("k") == 0
    storage.incr("k", 60)
    assert storage.reset() is None
    assert storage.get("k") == 0


def test_rate_is_multiplied() -> None:
    """A rate for many is the number times as many in the same period."""
    assert multiply_rate("30/minute", 20) == "600/minute"
    assert multiply_rate("1/second", 1) == "1/second"
