"""The knowledge of an assistant: its folder, the index over it, and LangChain's retriever on top."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from chatbot.knowledge.documents import (
    Signature,
    SourceDocument,
    UnreadableDocument,
    folder_language,
    read_document,
    scan_folder,
)
from chatbot.knowledge.fusion import DEPTH, fuse_hits
from chatbot.knowledge.index import (
    INDEX_FORMAT,
    Hit,
    IndexStats,
    PassageIndex,
    build_index,
    load_index,
    save_index,
)
from chatbot.knowledge.meaning import MeaningSearch, Progress
from chatbot.knowledge.passages import Passage, make_passages
from chatbot.knowledge.relevance import find_names, has_unknown_name, is_covered
from chatbot.text import LANGUAGES, detect_language, strip_html, tokenize

PASSAGES_FOUND = 10
_JUDGED = 5

logger = logging.getLogger(__name__)


class Knowledge:
    """A folder of documents and the index over it, which follows the folder while it is used.

    A query looks at most every `poll_interval_s` whether a file changed. The new index is built in a thread; the
    query waits for it at most `patience_s` and otherwise uses the one there is.

    Args:
        folder: where the documents are.
        cache_folder: where indexes are kept, one folder per hash of the contents.
        meaning: the search by meaning that is fused with the one by words; None = by words alone.
        clock: monotonic seconds.
        poll_interval_s: the least time between two looks at the folder.
        patience_s: how long a query waits for an index that is being built.
    """

    def __init__(
        self,
        folder: Path,
        cache_folder: Path,
        *,
        meaning: MeaningSearch | None = None,
        clock: Callable[[], float] = time.monotonic,
        poll_interval_s: float = 2.0,
        patience_s: float = 0.25,
    ) -> None:
        self.folder = folder
        self._cache_folder = cache_folder
        self._meaning = meaning
        self._clock = clock
        self._poll_interval_s = poll_interval_s
        self._patience_s = patience_s
        self._index: PassageIndex | None = None
        self._signatures: dict[str, Signature] = {}
        self._digests: dict[str, str] = {}
        self._warnings: tuple[str, ...] = ()
        self._polled_at = 0.0
        self._refreshing = threading.Lock()
        self._polling = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_watching = threading.Event()

    @property
    def index(self) -> PassageIndex:
        """The index in force, loaded or built at the first use.

        Raises:
            SettingsError: the folder is missing or cannot be read.
        """
        return self._index or self._bring_up_to_date()[0]

    @property
    def index_version(self) -> str:
        """A short hash of the contents: the same documents have the same."""
        return self.index.version

    @property
    def stats(self) -> IndexStats:
        """What the index holds."""
        return self.index.stats

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong: one sentence per document left out or without a passage, and if embeddings fail."""
        return self._warnings + (self._meaning.warnings if self._meaning else ())

    def refresh(self) -> bool:
        """Bring the index up to date with the folder, now; tell whether it changed.

        Raises:
            SettingsError: the folder is missing or cannot be read.
        """
        return self._bring_up_to_date()[1]

    def settle(self, timeout_s: float | None = None, progress: Progress | None = None) -> None:
        """Wait, for commands, until the search by meaning is ready or has failed, at most `timeout_s`."""
        if self._meaning:
            self._meaning.settle(timeout_s, progress)

    def start_watching(self) -> None:
        """Look at the folder every `poll_interval_s` from a thread, so that even the first question meets the news."""
        self._is_watching.set()
        threading.Thread(target=self._watch, name="knowledge-watch", daemon=True).start()

    def stop_watching(self) -> None:
        """End the thread that `start_watching` began, within one interval."""
        self._is_watching.clear()

    def search(
        self, question: str, *, k: int = PASSAGES_FOUND, default_language: str | None = None
    ) -> list[Document]:
        """Find the passages nearest to a question, best first.

        Those in the question's language; where none of them is relevant, another language's that are come first.
        Where none is relevant at all, those of another language are left out, unless the documents know no other.

        Args:
            question: as it was asked.
            k: how many at most.
            default_language: the language of a question that does not tell its own, such as an identifier.

        Returns:
            LangChain documents: the text without its breadcrumb; metadata `passage_id`, `source`, `title`,
            `heading` (as written, HTML and all), `breadcrumb` (the heading as a reader sees it), `anchor`, `language`,
            `score` (BM25, comparable within one search and language), `rank` from 1.
        """
        index = self.index
        if self._poll():
            index = self.index
        asked_in = _tell_language(index, question)
        language = asked_in or default_language or LANGUAGES[0]
        found = self._find(index, question, language, k)
        if not _is_answerable(index, question, asked_in, [hit.passage for hit in found[:_JUDGED]]):
            for other in index.languages:
                hits = self._find(index, question, other, k, asked_in) if other != language else []
                if _is_answerable(index, question, asked_in, [hit.passage for hit in hits[:_JUDGED]]):
                    found = [*hits, *found]
                    break
                if language not in index.languages:
                    found = found or hits
        return [_make_document(hit, rank) for rank, hit in enumerate(found[:k], start=1)]

    def _find(
        self, index: PassageIndex, question: str, language: str, k: int, asked_in: str = ""
    ) -> list[Hit]:
        """Find passages of one language: by words, and by meaning where that is ready."""
        meant = self._meaning.score(question, index.passages, language) if self._meaning else None
        if meant is None:
            return index.search(question, language, k, asked_in)
        hits = index.search(question, language, max(k, DEPTH), asked_in)
        return fuse_hits(hits, index.passages, meant)[:k]

    def is_answerable(self, question: str, documents: Sequence[Document]) -> bool:
        """Tell whether any of the best documents of a search holds enough of the question to answer it.

        Deterministic; what it asks for is described in `relevance.is_covered`.
        """
        passages = [_read_passage(document) for document in documents[:_JUDGED]]
        index = self.index
        return _is_answerable(index, question, _tell_language(index, question), passages)

    def make_retriever(self, k: int = PASSAGES_FOUND) -> KnowledgeRetriever:
        """Give LangChain's view of this knowledge."""
        return KnowledgeRetriever(knowledge=self, k=k)

    def _bring_up_to_date(self) -> tuple[PassageIndex, bool]:
        """Give the index that fits the folder and whether it is another than before; one thread at a time."""
        with self._refreshing:
            started_at = time.perf_counter()
            before = self._index
            self._polled_at = self._clock()
            signatures = scan_folder(self.folder)
            if before is not None and signatures == self._signatures:
                return before, False
            if before is None:
                # The language model takes half a second to unpack: beside the index, not in the first question.
                warming = threading.Thread(target=detect_language, args=("What is this about?",), daemon=True)
                warming.start()
            documents, warnings = self._read_documents(signatures)
            version = _hash_documents(documents)
            index = before
            if index is None or version != index.version:
                index = self._index = self._make_index(version, documents, started_at)
                if self._meaning:
                    self._meaning.follow(index.passages)
            self._warn([*warnings, *self._list_empty(documents, index)])
            self._signatures = signatures
            self._digests = {document.source: document.digest for document in documents}
            if before is None:
                warming.join()
            return index, index is not before

    def _watch(self) -> None:
        while self._is_watching.is_set():
            self._poll()
            time.sleep(self._poll_interval_s)

    def _poll(self) -> bool:
        """Look at the folder if it is time to, start what it asks for, and tell whether the index was renewed."""
        with self._polling:
            now = self._clock()
            if now - self._polled_at < self._poll_interval_s:
                return False
            self._polled_at = now
            before = self._index
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._refresh_quietly, name="knowledge", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(self._patience_s)
        return self._index is not before

    def _refresh_quietly(self) -> None:
        try:
            if self.refresh():
                logger.info(
                    "The knowledge has changed: %s passages, index %s",
                    self.stats.passages,
                    self.index_version,
                )
        except Exception:
            logger.exception(
                "The knowledge in %s cannot be refreshed; the last index stays in use", self.folder
            )

    def _read_documents(self, signatures: dict[str, Signature]) -> tuple[list[SourceDocument], list[str]]:
        """Read the documents; give those that can be used, and a warning for each of the others."""
        documents: list[SourceDocument] = []
        warnings: list[str] = []
        for source in signatures:
            try:
                documents.append(read_document(self.folder, source))
            except UnreadableDocument as error:
                warnings.append(str(error))
        return documents, warnings

    def _list_empty(self, documents: Sequence[SourceDocument], index: PassageIndex) -> list[str]:
        """Name the documents that no passage comes from, and the folder if none comes from any."""
        cited = {passage.source for passage in index.passages}
        warnings = [
            f"{document.source} is left out: it has no text below its headings."
            for document in documents
            if document.source not in cited
        ]
        if not cited:
            warnings.append(
                f"KNOWLEDGE_DIR={self.folder} holds no readable Markdown document with text: "
                "no question can be answered."
            )
        return warnings

    def _warn(self, warnings: Sequence[str]) -> None:
        """Keep the warnings, and log those that are new."""
        for warning in warnings:
            if warning not in self._warnings:
                logger.warning("%s", warning)
        self._warnings = tuple(warnings)

    def _make_index(
        self, version: str, documents: Sequence[SourceDocument], started_at: float
    ) -> PassageIndex:
        """Load the index of these contents, or build it; documents that did not change keep their passages."""
        kept = load_index(version, self._cache_folder)
        if kept is not None:
            return kept
        unchanged: dict[str, list[Passage]] = {}
        for passage in self._index.passages if self._index else ():
            unchanged.setdefault(passage.source, []).append(passage)
        passages: list[Passage] = []
        for document in documents:
            source = document.source
            if self._digests.get(source) == document.digest:
                passages.extend(unchanged.get(source, ()))
            else:
                passages.extend(make_passages(document.text, source, folder_language(source)))
        index = build_index(version, passages, started_at)
        save_index(index, self._cache_folder)
        return index


class KnowledgeRetriever(BaseRetriever):
    """LangChain's retriever over a `Knowledge`; `invoke(question, default_language=…)` passes the hint on."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge: Knowledge
    k: int = PASSAGES_FOUND

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, default_language: str | None = None
    ) -> list[Document]:
        return self.knowledge.search(query, k=self.k, default_language=default_language)


def _hash_documents(documents: Sequence[SourceDocument]) -> str:
    lines = [f"format {INDEX_FORMAT}", *(f"{document.digest} {document.source}" for document in documents)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _tell_language(index: PassageIndex, question: str) -> str:
    """Name the language of a question; empty where it does not tell."""
    known = (*LANGUAGES, *(name for name in index.languages if name not in LANGUAGES))
    return detect_language(question, known, "")


def _is_answerable(index: PassageIndex, question: str, asked_in: str, passages: Sequence[Passage]) -> bool:
    weights: dict[str, dict[str, float]] = {}
    lacks_name: dict[str, bool] = {}
    for passage in passages:
        language = passage.language
        if language not in weights:
            weights[language] = index.weigh_terms(tokenize(question, language, asked_in), language)
            names = [tokenize(name, language, asked_in) for name in find_names(question)]
            lacks_name[language] = has_unknown_name(names, partial(index.has_term, language=language))
        terms = frozenset(tokenize(passage.heading, language) + tokenize(passage.text, language))
        count = index.count_passages(language)
        if is_covered(weights[language], terms, count, has_unknown_name=lacks_name[language]):
            return True
    return False


def _make_document(hit: Hit, rank: int) -> Document:
    passage = hit.passage
    return Document(
        id=passage.passage_id,
        page_content=passage.text,
        metadata={
            "passage_id": passage.passage_id,
            "source": passage.source,
            "title": passage.title,
            "heading": passage.heading,
            "breadcrumb": strip_html(passage.heading),
            "anchor": passage.anchor,
            "language": passage.language,
            "score": round(hit.score, 4),
            "rank": rank,
        },
    )


def _read_passage(document: Document) -> Passage:
    metadata = document.metadata
    return Passage(
        passage_id=metadata["passage_id"],
        source=metadata["source"],
        title=metadata["title"],
        heading=metadata["heading"],
        anchor=metadata["anchor"],
        language=metadata["language"],
        text=document.page_content,
    )
