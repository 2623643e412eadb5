"""The vectors of an index's passages, and how near each passage is to a question's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chatbot.knowledge.passages import Passage
from chatbot.knowledge.vector_cache import Vector, hash_text
from chatbot.text import strip_html

# Characters of a part; a longer passage is embedded in parts and found by its best one (MaxP: Dai, Callan, "Deeper Text
# Understanding for IR with Contextual Neural Language Modeling", SIGIR 2019). Small models were trained on 128 word
# pieces and read 256, at three to four characters each. Measured with MiniLM on two documentations (80 questions, by
# vectors alone, parts cut by pieces), hit@5: cut off after 256 pieces 0.66, best of parts of 256 0.71, of 128 0.76.
PART = 400
# Below this share of embedded passages the ranking would favour those that have been.
ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near the passages of one language are to a question.

    `positions` are those within the index, `cosines` run beside them, from -1 to 1; `rows` says where a passage's are.
    """

    positions: NDArray[np.intp]
    cosines: NDArray[np.float32]
    rows: Mapping[str, int]

    def find_nearest(self, count: int) -> list[int]:
        """Give the positions of the nearest passages, the nearest first."""
        count = min(count, len(self.cosines))
        if not count:
            return []
        best = np.argpartition(-self.cosines, count - 1)[:count]
        best = best[np.isfinite(self.cosines[best])]
        ordered = best[np.lexsort((best, -self.cosines[best]))]
        return [int(position) for position in self.positions[ordered]]

    def leave_out(self, outside: NDArray[np.bool_]) -> Nearness:
        """Give the same without some of the passages, which are marked by their positions within the index."""
        cosines = np.where(outside[self.positions], np.float32(-np.inf), self.cosines)
        return replace(self, cosines=cosines)

    def look_up(self, passage_id: str) -> float:
        """Give a passage's cosine; 0, which says nothing, for one without a vector."""
        row = self.rows.get(passage_id)
        return 0.0 if row is None else float(self.cosines[row])


@dataclass(frozen=True, slots=True)
class _Language:
    """The vectors of one language: a row per part; a passage's rows follow one another from its start."""

    positions: NDArray[np.intp]
    matrix: NDArray[np.float32]
    starts: NDArray[np.intp]
    keys: list[bytes]
    rows: dict[str, int]


class VectorIndex:
    """The vectors of the passages of one index; it never changes.

    Args:
        passages: those of the index, in its order.
        keys: of each passage, the hashes of its parts' texts.
        known: vectors by hash; a passage that lacks one is left out.
    """

    def __init__(
        self, passages: Sequence[Passage], keys: Sequence[Sequence[bytes]], known: Mapping[bytes, Vector]
    ) -> None:
        self.passages = passages
        found: dict[str, list[tuple[int, Sequence[bytes]]]] = {}
        for position, (passage, parts) in enumerate(zip(passages, keys, strict=True)):
            if parts and all(part in known for part in parts):
                found.setdefault(passage.language, []).append((position, parts))
        self.embedded = sum(map(len, found.values()))
        self._languages = {language: _stack(entries, passages, known) for language, entries in found.items()}

    @property
    def is_enough(self) -> bool:
        """Whether enough passages have vectors for a fair ranking."""
        return self.embedded > 0 and self.embedded >= ENOUGH * len(self.passages)

    @property
    def dimensions(self) -> int:
        """The length of the vectors; 0 where there are none."""
        return next((language.matrix.shape[1] for language in self._languages.values()), 0)

    def list_rows(self) -> Iterator[tuple[bytes, Vector]]:
        """Give each vector by the hash of its text, as a view of what the index holds anyway."""
        for language in self._languages.values():
            yield from zip(language.keys, language.matrix, strict=True)

    def score(self, query: Vector, language: str) -> Nearness:
        """Tell how near the passages of a language are: each as its best part is."""
        vectors = self._languages.get(language)
        if vectors is None:
            return Nearness(np.empty(0, np.intp), np.empty(0, np.float32), {})
        cosines = np.maximum.reduceat(vectors.matrix @ query, vectors.starts)
        return Nearness(vectors.positions, cosines, vectors.rows)


def split_passage(passage: Passage) -> list[str]:
    """Give the texts by which a passage is embedded: parts of about equal length, each under the breadcrumb."""
    text = passage.text
    count = max(1, -(-len(text) // PART))
    ends = [_find_space(text, number * len(text) // count) for number in range(count + 1)]
    parts = [text[start:end] for start, end in pairwise(ends)]
    breadcrumb = strip_html(passage.heading)
    return [f"{breadcrumb}\n{part.strip()}" for part in parts]


def _find_space(text: str, position: int) -> int:
    """Give the place behind the last white space before a position; the position itself where none is near."""
    if position >= len(text):
        return len(text)
    near = max(0, position - PART // 4)
    space = max(text.rfind(" ", near, position), text.rfind("\n", near, position))
    return space + 1 if space >= 0 else position


def list_keys(parts: Sequence[str]) -> list[bytes]:
    """Give the hashes of a passage's parts."""
    return [hash_text(part) for part in parts]


def _stack(
    entries: Sequence[tuple[int, Sequence[bytes]]],
    passages: Sequence[Passage],
    known: Mapping[bytes, Vector],
) -> _Language:
    keys = [key for _, parts in entries for key in parts]
    counts = [len(parts) for _, parts in entries]
    return _Language(
        positions=np.array([position for position, _ in entries], dtype=np.intp),
        matrix=np.array([known[key] for key in keys], dtype=np.float32),
        starts=np.concatenate([[0], np.cumsum(counts[:-1])]).astype(np.intp),
        keys=keys,
        rows={passages[position].passage_id: row for row, (position, _) in enumerate(entries)},
    )
