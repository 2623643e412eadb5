"""A publisher over the test's own store and folder, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.log import publisher as publisher_module
from chatbot.log.check import Checker
from chatbot.log.publisher import Publisher
from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.conftest import Clock


@pytest.fixture
def data_dir(settings: Settings) -> Path:
    """Give the folder in which the store's `private/` lies."""
    return settings.data_dir


@pytest.fixture
def log_path(settings: Settings) -> Path:
    """Give the path of the published log."""
    return settings.log_path


@pytest.fixture(scope="package")
def checker() -> Iterator[Checker]:
    """Give one checking process to all tests: starting it takes longer than most of them."""
    checker = Checker()
    yield checker
    checker.close()


@pytest.fixture
def publisher(
    store: Store, data_dir: Path, clock: Clock, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> Publisher:
    """Give a publisher."""
    monkeypatch.setattr(publisher_module, "Checker", lambda: checker)
    return Publisher(store, data_dir, timezone="Europe/Paris", interval_s=0.01, clock=clock)
