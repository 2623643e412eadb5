"""The search index over passages, one per language, kept on disk under the hash of the contents."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chatbot.knowledge.language_index import Hit as Hit
from chatbot.knowledge.language_index import LanguageIndex, QuestionTerm
from chatbot.knowledge.passages import Passage
from chatbot.text import estimate_tokens

# Part of every hash: raise it whenever passages or terms are made differently.
INDEX_FORMAT = 3
KEPT_CACHES = 6
_ABANDONED_S = 3600
_MANIFEST = "manifest.json"
_PASSAGES = "passages.jsonl"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What an index holds and what it cost; `tokens` is an estimate over the passages, `seconds` of wall time."""

    documents: int
    passages: int
    tokens: int
    seconds: float


class PassageIndex:
    """A finished index; it never changes, so any number of threads may search it."""

    def __init__(
        self,
        version: str,
        stats: IndexStats,
        passages: tuple[Passage, ...],
        languages: Iterable[LanguageIndex],
    ) -> None:
        self.version = version
        self.stats = stats
        self.passages = passages
        self._languages = {index.language: index for index in languages}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have passages, in alphabetical order."""
        return tuple(sorted(self._languages))

    def highest_weight(self, language: str) -> float:
        """Give what a term weighs that no passage of the language has; 0 where there are no passages."""
        index = self._languages.get(language)
        return index.matrix.highest_idf if index else 0.0

    def search(
        self, question: str, language: str, k: int, asked_in: str = "", within: tuple[str, ...] = ()
    ) -> list[Hit]:
        """Find the passages of one language that a question's terms lead to, best first.

        `asked_in` is the question's own language: its stop words are no terms either, and its words are looked up in
        the other's. `within` names folders and files, outside of which nothing is found; empty for all.
        """
        index = self._languages.get(language)
        return index.search(question, k, asked_in, within) if index else []

    def read_question(self, question: str, language: str, asked_in: str = "") -> tuple[QuestionTerm, ...]:
        """List a question's terms with what stands for each in the passages of one language."""
        index = self._languages.get(language)
        return index.read_question(question, asked_in) if index else ()

    def has_term(self, term: str, language: str) -> bool:
        """Tell whether any passage of the language has the term."""
        index = self._languages.get(language)
        return index is not None and index.has_term(term)


def build_index(version: str, passages: Sequence[Passage], started_at: float) -> PassageIndex:
    """Build the index in memory.

    Args:
        version: the hash of the contents.
        started_at: `time.perf_counter()` when reading the documents began; what `stats.seconds` counts from.
    """
    languages = [LanguageIndex.build(name, chosen) for name, chosen in _group_by_language(passages) if chosen]
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
        passages = _read_passages(folder / _PASSAGES)
        languages = [
            LanguageIndex.load(folder / name, name, chosen) for name, chosen in _group_by_language(passages)
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
    with (folder / _PASSAGES).open("w", encoding="utf-8", newline="\n") as file:
        for passage in index.passages:
            file.write(json.dumps(passage.to_json(), ensure_ascii=False) + "\n")
    for name, language in index._languages.items():
        language.save(folder / name)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    manifest = {"stats": asdict(index.stats), "files": {name: _hash_file(folder / name) for name in names}}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _read_passages(path: Path) -> tuple[Passage, ...]:
    """Read passages line by line; what those of a page or section have in common is kept once."""
    kept: dict[str, str] = {}

    def read(line: str) -> Passage:
        fields = json.loads(line)
        for name in ("source", "title", "heading", "anchor", "language"):
            fields[name] = kept.setdefault(fields[name], fields[name])
        return Passage(**fields)

    with path.open(encoding="utf-8", newline="\n") as file:
        return tuple(map(read, file))


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
