"""Counters run out and start anew."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from chatbot.store import counters
from chatbot.store.engine import Store
from tests.conftest import Clock

MINUTE = timedelta(minutes=1)


def test_counter_counts_until_its_end(store: Store, clock: Clock) -> None:
    """The first count sets the end; later ones do not move it, and from the end on it starts anew with a new one."""
    end = clock() + MINUTE
    assert store.write(counters.increase, "k", 1, clock(), end) == 1
    clock.advance(seconds=59)
    assert store.write(counters.increase, "k", 2, clock(), clock() + MINUTE) == 3
    assert store.read(counters.read_counter, "k", clock()) == (3, end)
    clock.advance(seconds=1)
    assert store.read(counters.read_counter, "k", clock()) == (0, None)
    assert store.write(counters.increase, "k", 1, clock(), clock() + MINUTE) == 1
    assert store.read(counters.read_counter, "k", clock()) == (1, clock() + MINUTE)


def test_unknown_counter_is_zero(store: Store, clock: Clock) -> None:
    """What was never counted is 0, without an end."""
    assert store.read(counters.read_counter, "k", clock()) == (0, None)


def test_counters_hold_across_processes(store: Store, place: Path | str, clock: Clock) -> None:
    """Another process on the same store counts on."""
    store.write(counters.increase, "k", 1, clock(), clock() + MINUTE)
    other = Store(place, clock=clock)
    assert other.write(counters.increase, "k", 1, clock(), clock() + MINUTE) == 2
    other.close()


def test_ended_counters_are_dropped(store: Store, clock: Clock) -> None:
    """Those that have run out are forgotten, the others stay."""
    store.write(counters.increase, "old", 1, clock(), clock() + MINUTE)
    store.write(counters.increase, "new", 1, clock(), clock() + 2 * MINUTE)
    clock.now += MINUTE
    store.write(counters.drop_ended, clock())
    query = "SELECT key FROM limit_counters"
    assert store.read(lambda connection: connection.exec_driver_sql(query).scalars().all()) == ["new"]


def test_counters_can_be_cleared(store: Store, clock: Clock) -> None:
    """One is forgotten by its name, or all."""
    for key in ("a", "b", "c"):
        store.write(counters.increase, key, 1, clock(), clock() + MINUTE)
    store.write(counters.clear_counter, "a")
    assert [store.read(counters.read_counter, key, clock())[0] for key in "abc"] == [0, 1, 1]
    store.write(counters.clear_counter)
    assert [store.read(counters.read_counter, key, clock())[0] for key in "abc"] == [0, 0, 0]
