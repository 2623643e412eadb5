"""Vectors on disk: whole or not at all, shared by processes, and let go of when nobody uses them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from chatbot.knowledge.vector_cache import Vector, VectorCache, hash_text

DAY_S = 24 * 3600


class Days:
    """Seconds since 1970, set by the day."""

    def __init__(self) -> None:
        self.day = 20_000.0

    def __call__(self) -> float:
        return self.day * DAY_S


def make_vector(*values: float) -> Vector:
    """Give a short vector."""
    return np.array(values, dtype=np.float32)


@pytest.fixture
def days() -> Days:
    """Give a clock that stands still."""
    return Days()


@pytest.fixture
def cache(tmp_path: Path, days: Days) -> VectorCache:
    """Give a cache that has no file yet."""
    return VectorCache(tmp_path / "index", "openai:any", clock=days)


TEA, COFFEE = hash_text("tea"), hash_text("coffee")


def test_saved_vectors_come_back(cache: VectorCache) -> None:
    """What was saved is read again, by the hash of its text."""
    assert cache.load() == {}
    cache.save({TEA: make_vector(0.6, 0.8), COFFEE: make_vector(1, 0)}, [TEA, COFFEE])
    kept = cache.load()
    assert sorted(kept) == sorted([TEA, COFFEE])
    np.testing.assert_allclose(kept[TEA], [0.6, 0.8], atol=1e-3)
    assert kept[TEA].dtype == np.float32


def test_models_do_not_share_vectors(tmp_path: Path, cache: VectorCache) -> None:
    """Another model has a file of its own."""
    cache.save({TEA: make_vector(1, 0)}, [TEA])
    assert VectorCache(tmp_path / "index", "openai:other").load() == {}


def test_what_another_process_saved_is_kept(tmp_path: Path, cache: VectorCache, days: Days) -> None:
    """Two processes over one folder add to one file."""
    other = VectorCache(tmp_path / "index", "openai:any", clock=days)
    cache.save({TEA: make_vector(1, 0)}, [TEA])
    other.save({COFFEE: make_vector(0, 1)}, [COFFEE])
    assert sorted(cache.load()) == sorted([TEA, COFFEE])


def test_vector_unused_for_a_month_is_dropped(cache: VectorCache, days: Days) -> None:
    """A text that is in no index any more loses its vector after thirty days; one in use does not."""
    cache.save({TEA: make_vector(1, 0), COFFEE: make_vector(0, 1)}, [TEA, COFFEE])
    days.day += 20
    cache.save({}, [TEA])
    assert COFFEE in cache.load()
    days.day += 11
    cache.save({}, [TEA])
    assert list(cache.load()) == [TEA]


def test_vectors_of_another_length_replace_the_old_ones(cache: VectorCache) -> None:
    """Where the model behind a name has changed, its old vectors are of no use."""
    cache.save({TEA: make_vector(1, 0)}, [TEA])
    cache.save({COFFEE: make_vector(0, 1, 0)}, [TEA, COFFEE])
    assert list(cache.load()) == [COFFEE]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "nonsense"])
def test_damaged_file_is_noticed_and_made_again(
    cache: VectorCache, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """A file that is cut, empty or has a byte changed counts as none, with a warning; the next save mends it."""
    cache.save({TEA: make_vector(*range(1, 300))}, [TEA])
    content = cache.path.read_bytes()
    middle = content.index(np.arange(1, 300, dtype=np.float16).tobytes()) + 100
    flipped = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
    cache.path.write_bytes(
        {"cut": content[:-50], "flipped": flipped, "empty": b"", "nonsense": b"tea" * 99}[damage]
    )
    with caplog.at_level(logging.WARNING):
        assert cache.load() == {}
    assert "damaged" in caplog.text
    cache.save({TEA: make_vector(1, 0)}, [TEA])
    assert list(cache.load()) == [TEA]


def test_failed_write_leaves_the_old_file(
    cache: VectorCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that fills up in mid-write costs a warning; the file before it stands, and no draft is left."""
    cache.save({TEA: make_vector(1, 0)}, [TEA])

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    cache.save({COFFEE: make_vector(0, 1)}, [COFFEE])
    assert "cannot be kept" in caplog.text
    assert list(cache.load()) == [TEA]
    assert [path.suffix for path in cache.path.parent.iterdir()] in (
        [".npz"],
        [".npz", ".lock"],
        [".lock", ".npz"],
    )
