"""Accounts are managed by those who are superadmins at that moment, and one always stays, in both stores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection

from chatbot import accounts as module
from chatbot.accounts import Accounts
from chatbot.errors import InvalidRequest, NotPermitted
from chatbot.store import accounts as repository
from chatbot.store.engine import Store
from chatbot.store.records import Account

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the fewest rounds."""
    monkeypatch.setattr(module, "ROUNDS", 4)


def test_superadmins_who_remove_each_other_leave_one(
    place: Path | str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that take away the two last superadmins at the same moment: one of them is refused."""
    offices = [Accounts(store, Path()), Accounts(Store(place, clock=store.clock), Path())]
    first, second = (offices[0].add(name, PASSWORD, role="superadmin") for name in ("anne", "ben"))
    both_decided, remove_account = threading.Barrier(2), repository.remove_account

    def remove_late(connection: Connection, username: str) -> None:
        # Whoever has decided waits for the other to decide as well, unless that one has to wait for the end.
        with suppress(threading.BrokenBarrierError):
            both_decided.wait(timeout=0.5)
        remove_account(connection, username)

    monkeypatch.setattr(repository, "remove_account", remove_late)

    def remove(office: Accounts, by: Account, other: Account) -> bool:
        try:
            office.remove(other.username, by=by)
        except InvalidRequest:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(remove, offices, (first, second), (second, first)))
    assert sorted(done) == [False, True]
    assert [account.role for account in store.read(repository.list_accounts)] == ["superadmin"]
    offices[1]._store.close()


def test_removed_superadmin_changes_nothing_any_more(store: Store) -> None:
    """Who was removed while his page still stood open is refused by the stored account."""
    office = Accounts(store, Path())
    first, second = (office.add(name, PASSWORD, role="superadmin") for name in ("anne", "ben"))
    office.remove("ben", by=first)
    with pytest.raises(NotPermitted, match="ben is no superadmin any more"):
        office.add("carl", PASSWORD, by=second)
    with pytest.raises(NotPermitted, match="ben is no superadmin any more"):
        office.set_password("anne", PASSWORD, by=second)
