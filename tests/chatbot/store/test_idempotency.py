"""A key stands for one message of one tester."""

from __future__ import annotations

import pytest

from chatbot.errors import IdempotencyMismatch, StoreUnavailable
from chatbot.store import idempotency
from chatbot.store.engine import Store
from tests.conftest import Clock


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    """Give a store in which one key is known."""
    store.write(idempotency.remember, "beta-1", "k", "print", "m1", clock())
    return store


def test_known_key_gives_its_answer(filled: Store) -> None:
    """The same body under the same key is the same message."""
    assert filled.read(idempotency.find, "beta-1", "k", "print") == "m1"


def test_known_key_with_another_body_is_refused(filled: Store) -> None:
    """A key is not used for two messages."""
    with pytest.raises(IdempotencyMismatch):
        filled.read(idempotency.find, "beta-1", "k", "other")


@pytest.mark.parametrize(("tester", "key"), [("beta-2", "k"), ("beta-1", "K"), ("beta-1", "k ")])
def test_other_keys_are_unknown(filled: Store, tester: str, key: str) -> None:
    """Keys are the tester's own, and compared letter by letter."""
    assert filled.read(idempotency.find, tester, key, "other") is None


def test_key_cannot_be_given_twice(filled: Store, clock: Clock) -> None:
    """Of two that remember the same key at the same time one is refused."""
    with pytest.raises(StoreUnavailable):
        filled.write(idempotency.remember, "beta-1", "k", "print", "m2", clock())
