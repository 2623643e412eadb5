"""The search index over passages: BM25 per language, kept on disk under the hash of the contents."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatbot.knowledge.passages import Passage
from chatbot.text import estimate_tokens, tokenize

# Part of every hash: raise it whenever passages or terms are made differently.
INDEX_FORMAT = 2
KEPT_CACHES = 6
_ABANDONED_S = 3600
_MANIFEST = "manifest.json"
_PASSAGES = "passages.jsonl"
# Source: the defaults of Anserini; Trotman, Puurula, Burgess, "Improvements to BM25 and Language Models
# Examined", ADCS 2014. Measured against bm25s' own 1.5 and 0.75 on five question sets: better on four.
_K1, _B = 0.9, 0.4

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What an index holds and what it cost; `tokens` is an estimate over the passages, `seconds` of wall time."""

    documents: int
    passages: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found and its BM25 score, comparable within one question and language only."""

    passage: Passage
    score: float


class _LanguageIndex:
    """BM25 over the passages of one language."""

    def __init__(self, language: str, passages: Sequence[Passage], bm25: Any) -> None:
        self.language = language
        self.passages = passages
        self._bm25 = bm25

    @classmethod
    def build(cls, language: str, passages: Sequence[Passage]) -> _LanguageIndex:
        bm25 = _import_bm25s().BM25(method="lucene", k1=_K1, b=_B)
        bm25.index([index_terms(passage) for passage in passages], show_progress=False)
        return cls(language, passages, bm25)

    def search(self, question: str, k: int, asked_in: str) -> list[Hit]:
        import numpy as np

        terms = tokenize(question, self.language, asked_in)
        known = [term for term in terms if term in self._bm25.vocab_dict]
        if not known:
            return []
        scores = self._bm25.get_scores(known)
        count = min(k, len(self.passages))
        best = np.argpartition(-scores, count - 1)[:count]
        ordered = best[np.lexsort((best, -scores[best]))]
        return [Hit(self.passages[i], float(scores[i])) for i in ordered if scores[i] > 0]

    def weigh_term(self, term: str) -> float:
        """Tell how rare a term is among the passages: BM25's idf, in nats; an unknown one is rarest."""
        term_id = self._bm25.vocab_dict.get(term)
        found = 0
        if term_id is not None:
            bounds = self._bm25.scores["indptr"]
            found = int(bounds[term_id + 1] - bounds[term_id])
        return math.log(1 + (len(self.passages) - found + 0.5) / (found + 0.5))

    def has_term(self, term: str) -> bool:
        return term in self._bm25.vocab_dict

    def save(self, folder: Path) -> None:
        self._bm25.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path, language: str, passages: Sequence[Passage]) -> _LanguageIndex:
        bm25 = _import_bm25s().BM25.load(folder, show_progress=False)
        if bm25.scores["num_docs"] != len(passages):
            raise ValueError(f"{folder.name} covers {bm25.scores['num_docs']} passages, not {len(passages)}")
        return cls(language, passages, bm25)


class PassageIndex:
    """A finished index; it never changes, so any number of threads may search it."""

    def __init__(
        self,
        version: str,
        stats: IndexStats,
        passages: tuple[Passage, ...],
        languages: Iterable[_LanguageIndex],
    ) -> None:
        self.version = version
        self.stats = stats
        self.passages = passages
        self._languages = {index.language: index for index in languages}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have passages, in alphabetical order."""
        return tuple(sorted(self._languages))

    def count_passages(self, language: str) -> int:
        """Count the passages of one language."""
        index = self._languages.get(language)
        return len(index.passages) if index else 0

    def search(self, question: str, language: str, k: int, asked_in: str = "") -> list[Hit]:
        """Find the passages of one language that share terms with the question, best first.

        `asked_in` is the question's own language: its stop words are no terms either.
        """
        index = self._languages.get(language)
        return index.search(question, k, asked_in) if index else []

    def weigh_terms(self, terms: Iterable[str], language: str) -> dict[str, float]:
        """Give each term its idf among the passages of the language; 0 where there are none."""
        index = self._languages.get(language)
        return {term: index.weigh_term(term) if index else 0.0 for term in terms}

    def has_term(self, term: str, language: str) -> bool:
        """Tell whether any passage of the language has the term."""
        index = self._languages.get(language)
        return index is not None and index.has_term(term)


def _import_bm25s() -> Any:
    """Import bm25s at its first use, and silence its logger, which sets itself to DEBUG."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s


def index_terms(passage: Passage) -> list[str]:
    """List the terms a passage is found by: those of its breadcrumb, then those of its text."""
    return tokenize(passage.heading, passage.language) + tokenize(passage.text, passage.language)


def build_index(version: str, passages: Sequence[Passage], started_at: float) -> PassageIndex:
    """Build the index in memory.

    Args:
        version: the hash of the contents.
        started_at: `time.perf_counter()` when reading the documents began; what `stats.seconds` counts from.
    """
    languages = [
        _LanguageIndex.build(name, chosen) for name, chosen in _group_by_language(passages) if chosen
    ]
    stats = IndexStats(
        documents=len({passage.source for passage in passages}),
        passages=len(passages),
        tokens=sum(estimate_tokens(passage.text) for passage in passages),
        seconds=round(time.perf_counter() - started_at, 3),
    )
    return PassageIndex(version, stats, tuple(passages), languages)


def save_index(index: PassageIndex, cache_folder: Path) -> None:
    """Write the index under its version, whole or not at all, and remove the caches used longest ago.

    Written beside and renamed, so that another process never reads half of it. A disk that cannot be written costs
    a warning: the index works from memory.
    """
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache_folder))
        try:
            _write_files(index, draft)
            target = cache_folder / index.version
            if target.exists():
                shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _prune_caches(cache_folder, keep=index.version)
    except OSError as error:
        logger.warning(
            "The index cannot be kept in %s and will be built again next time: %s", cache_folder, error
        )


def load_index(version: str, cache_folder: Path) -> PassageIndex | None:
    """Read the index of this version from the cache; None when it is missing or damaged (with a warning)."""
    folder = cache_folder / version
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        for name, digest in manifest["files"].items():
            if _hash_file(folder / name) != digest:
                raise ValueError(f"{name} has changed")
        lines = (folder / _PASSAGES).read_text(encoding="utf-8").split("\n")
        passages = tuple(Passage(**json.loads(line)) for line in lines if line)
        languages = [
            _LanguageIndex.load(folder / name, name, chosen) for name, chosen in _group_by_language(passages)
        ]
        index = PassageIndex(version, IndexStats(**manifest["stats"]), passages, languages)
        os.utime(folder)
        return index
    except FileNotFoundError:
        if folder.exists():
            logger.warning("The kept index %s is incomplete; it is built again.", folder)
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("The kept index %s is damaged (%s); it is built again.", folder, error)
        return None


def _group_by_language(passages: Sequence[Passage]) -> list[tuple[str, list[Passage]]]:
    groups: dict[str, list[Passage]] = {}
    for passage in passages:
        groups.setdefault(passage.language, []).append(passage)
    return sorted(groups.items())


def _write_files(index: PassageIndex, folder: Path) -> None:
    text = "".join(json.dumps(passage.to_json(), ensure_ascii=False) + "\n" for passage in index.passages)
    (folder / _PASSAGES).write_text(text, encoding="utf-8")
    for name, language in index._languages.items():
        language.save(folder / name)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    manifest = {"stats": asdict(index.stats), "files": {name: _hash_file(folder / name) for name in names}}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prune_caches(cache_folder: Path, keep: str) -> None:
    """Remove all but the caches used last, and drafts that a killed process left behind."""
    used: list[tuple[float, Path]] = []
    for folder in cache_folder.iterdir():
        try:
            age_s = time.time() - folder.stat().st_mtime
        except FileNotFoundError:
            continue
        if folder.name.startswith(".draft-"):
            if age_s > _ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)
        elif folder.name != keep and (folder / _MANIFEST).exists():
            used.append((age_s, folder))
    for _, folder in sorted(used)[KEPT_CACHES - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)
