"""The store, once in SQLite and once in PostgreSQL: what holds for one holds for the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.conftest import Clock


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, settings: Settings) -> Path | str:
    """Give where an empty store is, or is to be."""
    if request.param == "sqlite":
        return settings.store_path
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(place: Path | str, clock: Clock) -> Iterator[Store]:
    """Give an empty store on the steppable clock."""
    store = Store(place, clock=clock)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(settings: Settings, clock: Clock) -> Iterator[Store]:
    """Give an empty store in a file."""
    store = Store(settings.store_path, clock=clock)
    yield store
    store.close()


@pytest.fixture
def postgres_store(postgres_url: str, clock: Clock) -> Iterator[Store]:
    """Give an empty store on a server."""
    store = Store(postgres_url, clock=clock)
    yield store
    store.close()
