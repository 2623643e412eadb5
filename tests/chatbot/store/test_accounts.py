"""The repository of accounts keeps them, and knows which sessions are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.store import accounts
from chatbot.store.engine import Store
from chatbot.store.records import Account

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ANNE = Account("anne", "Anne", "admin", "$2b$12$" + "a" * 53, NOW)
ROOT = Account("root", "Root", "superadmin", "$2b$12$" + "b" * 53, NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a store with two accounts."""
    store = Store(tmp_path / "private" / "guichet.db")
    for account in (ROOT, ANNE):
        store.write(accounts.add_account, account)
    yield store
    store.close()


def test_accounts_come_back_as_they_were_written_by_name(store: Store) -> None:
    """What is stored is what is read, in the order of the names."""
    assert store.read(accounts.list_accounts) == [ANNE, ROOT]
    assert store.read(accounts.get_account, "anne") == ANNE
    assert store.read(accounts.get_account, "nobody") is None


def test_accounts_are_counted_and_superadmins_named(store: Store) -> None:
    """The count is of all accounts; those who manage them are named."""
    assert store.read(accounts.count_accounts) == 2
    assert store.read(accounts.lock_superadmins) == ["root"]


def test_session_is_good_from_the_account_on(store: Store) -> None:
    """A session issued when the account was made, or later, gives its account."""
    assert store.read(accounts.find_session_account, "anne", NOW, "f") == ANNE
    assert store.read(accounts.find_session_account, "anne", LATER, "f") == ANNE


def test_session_from_before_the_account_is_refused(store: Store) -> None:
    """An account that is removed and made again does not take up its old sessions."""
    assert store.read(accounts.find_session_account, "anne", NOW - timedelta(seconds=1), "f") is None


def test_new_password_ends_older_sessions_only(store: Store) -> None:
    """A password ends the sessions that were issued before it."""
    store.write(accounts.set_password, "anne", "$2b$12$" + "c" * 53, LATER)
    assert store.read(accounts.find_session_account, "anne", NOW, "f") is None
    assert store.read(accounts.find_session_account, "anne", LATER, "f") is not None
    assert store.read(accounts.find_session_account, "root", NOW, "f") == ROOT


def test_ended_session_is_refused_and_others_are_not(store: Store) -> None:
    """An ended session is over by its fingerprint alone; ending it twice is no error."""
    store.write(accounts.end_session, "f", LATER, NOW)
    store.write(accounts.end_session, "f", LATER, NOW)
    assert store.read(accounts.find_session_account, "anne", NOW, "f") is None
    assert store.read(accounts.find_session_account, "anne", NOW, "g") == ANNE


def test_removed_account_has_no_session(store: Store) -> None:
    """A session without account is none."""
    store.write(accounts.remove_account, "anne")
    assert store.read(accounts.find_session_account, "anne", LATER, "f") is None
