"""The documents of a knowledge folder as they were last read, followed while files come, change and go."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from chatbot.knowledge.conversion import Converter
from chatbot.knowledge.documents import (
    NO_SIGNATURE,
    MissingDocument,
    Signature,
    SourceDocument,
    UnreadableDocument,
    folder_language,
    read_document,
    scan_folder,
    sign,
)
from chatbot.knowledge.passages import PASSAGE_FORMAT, Passage, make_passages

_SETTLE_S = 0.05
_TRIES = 4
# A file this young that became unreadable is taken to be in the making: editors empty a file before they fill it.
_YOUNG_S = 2.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a document: the hash of its text, or the fault that keeps it out."""

    signature: Signature
    digest: str = ""
    fault: str = ""
    includes: Mapping[str, Signature] = field(default_factory=dict)


class Library:
    """Reads a folder, and again what changed in it.

    A file that changes while it is read is read again; one that will not come to rest, or that became unreadable a
    moment ago, stays as it was until the next look. One thread at a time.

    Args:
        folder: where the documents are.
        cache_folder: where conversions from other formats are kept.
        clock: seconds since 1970, as the files' times.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        folder: Path,
        cache_folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self._cache_folder = cache_folder / "converted"
        self._clock = clock
        self._sleep = sleep
        self._entries: dict[str, _Entry] = {}
        self._texts: dict[str, SourceDocument] = {}

    @property
    def digests(self) -> dict[str, str]:
        """The hash of each readable document, by source in alphabetical order."""
        return {source: entry.digest for source, entry in sorted(self._entries.items()) if not entry.fault}

    @property
    def warnings(self) -> list[str]:
        """A sentence for each document that cannot be used."""
        return [entry.fault for _, entry in sorted(self._entries.items()) if entry.fault]

    def make_version(self, index_format: int) -> str:
        """Make a short hash of the contents and of the formats of passages and index."""
        lines = [f"format {index_format}.{PASSAGE_FORMAT}"]
        lines += [f"{digest} {source}" for source, digest in self.digests.items()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def look(self) -> bool:
        """Read what changed since the last look; tell whether anything was read or is gone.

        Raises:
            SettingsError: the folder is missing or cannot be read; what was known stays.
        """
        signatures = scan_folder(self.folder)
        changed = [source for source, found in signatures.items() if self._is_changed(source, found)]
        gone = self._entries.keys() - signatures.keys()
        if changed:
            with Converter(self._cache_folder) as converter:
                self._read_until_settled(changed, converter)
        for source in gone:
            self._forget(source)
        return bool(changed or gone)

    def make_passages(self, kept: Iterable[Passage], digests: Mapping[str, str]) -> list[Passage]:
        """Give the passages of all documents, in order.

        Args:
            kept: the passages there were.
            digests: the hashes of the documents those came from; documents that still have theirs are not cut again.
        """
        unchanged: dict[str, list[Passage]] = {}
        for passage in kept:
            unchanged.setdefault(passage.source, []).append(passage)
        passages: list[Passage] = []
        for source, digest in self.digests.items():
            if digests.get(source) == digest:
                passages.extend(unchanged.get(source, ()))
            else:
                passages.extend(self._cut(source))
        return passages

    def release(self) -> None:
        """Let go of the texts that were read, once passages are made of them."""
        self._texts.clear()

    def list_empty(self, cited: Iterable[str]) -> list[str]:
        """Name the documents that no passage comes from, and the folder if none comes from any.

        Args:
            cited: the sources of all passages.
        """
        filled = set(cited)
        warnings = [
            f"{source} is left out: it has no text below its headings; write some or remove it."
            for source in self.digests
            if source not in filled
        ]
        if not filled:
            warnings.append(
                f"KNOWLEDGE_DIR={self.folder} holds no readable document with text: no question can be answered."
            )
        return warnings

    def _is_changed(self, source: str, found: Signature) -> bool:
        entry = self._entries.get(source)
        if entry is None or entry.signature != found:
            return True
        return any(sign(self.folder / name) != known for name, known in entry.includes.items())

    def _read_until_settled(self, sources: Sequence[str], converter: Converter) -> None:
        former = {source: (self._entries.get(source), self._texts.get(source)) for source in sources}
        waiting = list(sources)
        for _ in range(_TRIES):
            for source in waiting:
                self._read(source, converter)
            if any(self._age(source) < _YOUNG_S for source in waiting):
                self._sleep(_SETTLE_S)
            waiting = [source for source in waiting if self._is_restless(source)]
            if not waiting:
                break
        for source in sources:
            entry, (before, text) = self._entries.get(source), former[source]
            if entry is None or before is None or before.fault:
                continue
            if source in waiting or (entry.fault and self._age(source) < _YOUNG_S):
                # As it was, but with no signature: the next look reads it again.
                self._entries[source] = replace(before, signature=NO_SIGNATURE)
                self._texts.pop(source, None)
                if text is not None:
                    self._texts[source] = text

    def _is_restless(self, source: str) -> bool:
        entry = self._entries.get(source)
        return (
            entry is not None and not source.endswith("/") and entry.signature != sign(self.folder / source)
        )

    def _age(self, source: str) -> float:
        """Tell how long ago a file was written, in seconds; for ever, where its time is not to be believed."""
        age = self._clock() - sign(self.folder / source)[0] / 1e9
        return age if age >= -1 else float("inf")

    def _read(self, source: str, converter: Converter) -> None:
        signature = NO_SIGNATURE if source.endswith("/") else sign(self.folder / source)
        try:
            document = read_document(self.folder, source, converter)
        except MissingDocument:
            self._forget(source)
        except UnreadableDocument as error:
            self._entries[source] = _Entry(signature, fault=str(error))
        else:
            self._entries[source] = _Entry(document.signature, document.digest, includes=document.includes)
            self._texts[source] = document

    def _cut(self, source: str) -> list[Passage]:
        """Cut a document; one that breaks the parser costs its own passages, not the index."""
        try:
            return make_passages(self._texts[source].text, source, folder_language(source))
        except Exception:
            logger.exception("%s cannot be cut into passages; it is left out", source)
            return []

    def _forget(self, source: str) -> None:
        self._entries.pop(source, None)
        self._texts.pop(source, None)
