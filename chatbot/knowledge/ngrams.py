"""Character n-grams of words as numbers: what words share although no stemmer knows it.

Source: McNamee, Mayfield, "Character N-gram Tokenization for European Language Text Retrieval", Information
Retrieval 7, 2004. Grams do not cross the border of a word, which is part of its first and last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Few enough for a table of them to be cheap, enough for two of a question's grams to collide hardly ever.
BUCKETS = 1 << 20
_BORDER = "\x1f"
_MULTIPLIER = 0x9E3779B1

Grams = NDArray[np.uint32]


def hash_grams(words: Sequence[str], n: int) -> tuple[Grams, NDArray[np.int64]]:
    """Hash every n-gram of the words, in order, repeated as often as they occur.

    A word shorter than n - 2 letters has none.

    Returns:
        The hashes, below `BUCKETS`, and for each the position of its word.
    """
    text = _BORDER + _BORDER.join(words) + _BORDER
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if len(codes) < n:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(codes, n)
    is_border = codes == ord(_BORDER)
    # A border may stand at either end of a gram, not within it.
    inner = np.lib.stride_tricks.sliding_window_view(is_border[1:-1], n - 2)
    is_whole = ~inner.any(axis=1)
    hashes = np.zeros(len(windows), np.uint32)
    for column in range(n):
        hashes = (hashes ^ windows[:, column]) * np.uint32(_MULTIPLIER)
        hashes ^= hashes >> np.uint32(15)
    owners = np.cumsum(is_border)[: len(windows)] - 1
    # Where a gram begins at a border, the word is the one that follows it.
    return hashes[is_whole] % np.uint32(BUCKETS), owners[is_whole]


@lru_cache(maxsize=20_000)
def hash_word(word: str, n: int) -> tuple[int, ...]:
    """Hash every n-gram of one word, as `hash_grams` does: for a few words, arrays cost more than they save."""
    codes = [ord(_BORDER), *map(ord, word), ord(_BORDER)]
    hashes = []
    for start in range(len(codes) - n + 1):
        value = 0
        for code in codes[start : start + n]:
            value = (value ^ code) * _MULTIPLIER & 0xFFFFFFFF
            value ^= value >> 15
        hashes.append(value % BUCKETS)
    return tuple(hashes)
