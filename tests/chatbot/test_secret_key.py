"""The key is made once, kept for its owner alone, and refused where it is too short."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatbot.errors import StoreUnavailable
from chatbot.secret_key import load_secret_key
from chatbot.settings import Settings
from tests.conftest import MakeSettings


def test_key_is_made_once(settings: Settings) -> None:
    """A key is made at the first start, 32 bytes or more, readable to the owner alone, and then kept."""
    key = load_secret_key(settings)
    path = settings.private_dir / "secret-key"
    assert len(key) >= 32
    assert load_secret_key(settings) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in settings.private_dir.iterdir()] == ["secret-key"]


def test_processes_that_start_at_once_share_one_key(settings: Settings) -> None:
    """Of several that find no key all read the one that was written first."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_secret_key(settings), range(8)))) == 1


def test_key_of_the_settings_wins(make_settings: MakeSettings) -> None:
    """SECRET_KEY is used as it is, and no file is made."""
    settings = make_settings(secret_key="x" * 40)
    assert load_secret_key(settings) == b"x" * 40
    assert not settings.private_dir.exists()


def test_short_or_unreadable_key_is_refused(settings: Settings) -> None:
    """A key file that was cut, or is none, is named with the remedy."""
    path = settings.private_dir / "secret-key"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"short")
    with pytest.raises(StoreUnavailable, match="secret-key"):
        load_secret_key(settings)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="secret-key"):
        load_secret_key(settings)
