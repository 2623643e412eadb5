"""Vectors kept on disk, so that only texts that changed are embedded again: one file per model, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

Vector = NDArray[np.float32]

# Half floats: measured with MiniLM on 80 questions to two documentations, no cosine changed by more than 0.0001 and no
# question's first ten by their order.
KEPT_AS = np.float16
# A vector that no index asked for in this time is dropped; until then an edit taken back costs nothing.
_UNUSED_S = 30 * 24 * 3600
_LOCK_TIMEOUT_S = 30
_DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile)

logger = logging.getLogger(__name__)


def hash_text(text: str) -> bytes:
    """Give the key of a text."""
    return hashlib.sha256(text.encode()).digest()[:16]


class VectorCache:
    """The vectors of one model by the hash of their text.

    The file is a NumPy archive of the keys, the vectors as half floats, and when each was last used. It is written
    beside and renamed; its parts carry checksums, so a damaged file is noticed and made again. Several processes
    may use one: what others wrote meanwhile is kept.

    Args:
        folder: where the file is; it is made when needed.
        model: whose vectors these are, with all that changes them.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, model: str, *, clock: Callable[[], float] = time.time) -> None:
        name = hashlib.sha256(model.encode()).hexdigest()[:16]
        self.path = folder / f"vectors-{name}.npz"
        self._clock = clock

    def load(self) -> dict[bytes, Vector]:
        """Read all vectors; none where there is no file, or a damaged one (with a warning)."""
        return {key: vector for key, (vector, _) in self._read().items()}

    def save(self, vectors: Mapping[bytes, Vector], used: Iterable[bytes]) -> None:
        """Add vectors to the file, and drop those that nobody used for a month.

        A disk that cannot be written costs a warning: the vectors are embedded again after the next start.

        Args:
            vectors: by key; all of one length. Kept ones of another length are dropped: the model has changed.
            used: keys that the index in force asks for.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=_LOCK_TIMEOUT_S):
                self._write(vectors, frozenset(used))
        except (OSError, Timeout) as error:
            logger.warning("The embeddings cannot be kept in %s and will be made again: %s", self.path, error)

    def _read(self) -> dict[bytes, tuple[Vector, float]]:
        try:
            # Opened here: NumPy leaves a file it cannot read to the garbage collector.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                keys, vectors, used_at = archive["keys"], archive["vectors"], archive["used_at"]
            if not len(keys) == len(vectors) == len(used_at):
                raise ValueError("its parts are of different lengths")
            matrix = vectors.astype(np.float32)
            return {
                key.tobytes(): (vector, float(at))
                for key, vector, at in zip(keys, matrix, used_at, strict=True)
            }
        except FileNotFoundError:
            return {}
        except _DAMAGE as error:
            logger.warning("The kept embeddings %s are damaged (%s); they are made again.", self.path, error)
            return {}

    def _write(self, vectors: Mapping[bytes, Vector], used: frozenset[bytes]) -> None:
        now = self._clock()
        dimensions = {len(vector) for vector in vectors.values()}
        entries = {
            key: (vector, now if key in used else at)
            for key, (vector, at) in self._read().items()
            if (key in used or now - at < _UNUSED_S) and (not dimensions or len(vector) in dimensions)
        }
        entries |= {key: (vector, now) for key, vector in vectors.items()}
        draft = self.path.with_suffix(f".{os.getpid()}.partial")
        try:
            with draft.open("wb") as file:
                np.savez(
                    file,
                    keys=np.frombuffer(b"".join(entries), dtype=np.uint8).reshape(-1, 16),
                    vectors=np.array([vector for vector, _ in entries.values()], dtype=KEPT_AS),
                    used_at=np.array([at for _, at in entries.values()]),
                )
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)
