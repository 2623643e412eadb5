"""Logins are in force until they end or run out; testers are counted per code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chatbot.errors import StoreUnavailable
from chatbot.store import logins
from chatbot.store.engine import Store
from chatbot.store.records import Login
from tests.conftest import Clock


def make_login(clock: Clock, name: str = "a") -> Login:
    """Give a login of one hour."""
    return Login(name, f"beta-{name}", "beta", None, clock(), clock() + timedelta(hours=1), None, None)


def test_login_in_force_is_found(store: Store, clock: Clock) -> None:
    """A login comes back as it was written, until the moment it runs out."""
    store.write(logins.add_login, make_login(clock))
    expected = make_login(clock)
    clock.advance(minutes=59, seconds=59)
    assert store.read(logins.find_login, "a", clock()) == expected
    clock.advance(seconds=1)
    assert store.read(logins.find_login, "a", clock()) is None
    assert store.read(logins.find_login, "nobody", clock()) is None


def test_ended_login_is_not_found(store: Store, clock: Clock) -> None:
    """A login that was ended is over; another one is not."""
    for name in ("a", "b"):
        store.write(logins.add_login, make_login(clock, name))
    store.write(logins.end_login, "a", clock())
    assert store.read(logins.find_login, "a", clock()) is None
    assert store.read(logins.find_login, "b", clock()) is not None


def test_notice_accepted_is_noted(store: Store, clock: Clock) -> None:
    """The version of the notice that a tester agreed to stands with the login."""
    store.write(logins.add_login, make_login(clock))
    store.write(logins.accept_notice, "beta-a", "v1", clock())
    assert store.read(logins.find_login, "a", clock()) == replace(
        make_login(clock), notice_version="v1", notice_accepted_at=clock()
    )


def test_testers_are_numbered_per_label(store: Store) -> None:
    """Each code counts its testers from 1; no number is given twice, however many come at once."""
    store.start_writer()
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: store.write(logins.take_tester_number, "beta"), range(40)))
    assert sorted(numbers) == list(range(1, 41))
    assert store.write(logins.take_tester_number, "spring") == 1


def test_two_logins_are_two_testers(store: Store, clock: Clock) -> None:
    """No tester's name is given to two logins."""
    store.write(logins.add_login, make_login(clock))
    with pytest.raises(StoreUnavailable):
        store.write(logins.add_login, replace(make_login(clock), login_id="b"))
