"""The knowledge of an assistant: its folder, the index over it, and LangChain's retriever on top."""

from __future__ import annotations

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

from chatbot.errors import SettingsError
from chatbot.knowledge.diversity import spread_sections
from chatbot.knowledge.fusion import DEPTH, fuse_hits
from chatbot.knowledge.index import (
    INDEX_FORMAT,
    IndexStats,
    PassageIndex,
    build_index,
    load_index,
    save_index,
)
from chatbot.knowledge.language_index import Hit, QuestionTerm, mark_outside
from chatbot.knowledge.library import Library
from chatbot.knowledge.meaning import MeaningSearch, Progress
from chatbot.knowledge.passages import Passage
from chatbot.knowledge.relevance import find_names, has_unknown_name, is_covered
from chatbot.text import LANGUAGES, detect_language, strip_html, tokenize

PASSAGES_FOUND = 10
_JUDGED = 5
# Enough hits to find ten sections among.
_SPREAD = 50

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
        self._library = Library(folder, cache_folder)
        self._digests: dict[str, str] = {}
        self._is_behind = True
        self._outage = ""
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
        return (*self._warnings, *filter(None, [self._outage])) + (
            self._meaning.warnings if self._meaning else ()
        )

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
        self,
        question: str,
        *,
        k: int = PASSAGES_FOUND,
        default_language: str | None = None,
        within: tuple[str, ...] = (),
    ) -> list[Document]:
        """Find the passages nearest to a question, best first.

        Those in the question's language; where none of them is relevant, another language's that are come first.
        Where none is relevant at all, those of another language are left out, unless the documents know no other.

        Args:
            question: as it was asked.
            k: how many at most.
            default_language: the language of a question that does not tell its own, such as an identifier.
            within: folders and files, relative to the knowledge folder, outside of which nothing is found; empty = all.

        Returns:
            LangChain documents: the text without its breadcrumb; metadata `passage_id`, `source`, `title`,
            `heading` (as written, HTML and all), `breadcrumb` (the heading as a reader sees it), `anchor`, `language`,
            `score` (BM25, comparable within one search and language), `rank` from 1, `part` of `parts` of its section,
            and `block_part` of `block_parts` where it holds a part of a code block or table, else both 0.
        """
        index = self.index
        if self._poll():
            index = self.index
        asked_in = _tell_language(index, question)
        language = asked_in or default_language or LANGUAGES[0]
        found = self._find(index, question, language, k, asked_in, within)
        if not _is_answerable(index, question, asked_in, [hit.passage for hit in found[:_JUDGED]]):
            for other in index.languages:
                hits = self._find(index, question, other, k, asked_in, within) if other != language else []
                if _is_answerable(index, question, asked_in, [hit.passage for hit in hits[:_JUDGED]]):
                    found = [*hits, *found]
                    break
                if language not in index.languages:
                    found = found or hits
        return [_make_document(hit, rank) for rank, hit in enumerate(found[:k], start=1)]

    def _find(
        self,
        index: PassageIndex,
        question: str,
        language: str,
        k: int,
        asked_in: str,
        within: tuple[str, ...],
    ) -> list[Hit]:
        """Find passages of one language: by words, and by meaning where that is ready."""
        meant = self._meaning.score(question, index.passages, language) if self._meaning else None
        if meant and within:
            meant = meant.leave_out(mark_outside(index.passages, within))
        hits = index.search(question, language, max(k, DEPTH if meant else _SPREAD), asked_in, within)
        return spread_sections(fuse_hits(hits, index.passages, meant) if meant else hits, k)

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
            self._is_behind = self._library.look() or self._is_behind
            if before is not None and not self._is_behind:
                return before, False
            if before is None:
                # The language model takes half a second to unpack: beside the index, not in the first question.
                warming = threading.Thread(target=detect_language, args=("What is this about?",), daemon=True)
                warming.start()
            version = self._library.make_version(INDEX_FORMAT)
            index = before
            if index is None or version != index.version:
                index = self._index = self._make_index(version, started_at)
                if self._meaning:
                    self._meaning.follow(index.passages)
            cited = {passage.source for passage in index.passages}
            self._warn([*self._library.warnings, *self._library.list_empty(cited)])
            self._digests = self._library.digests
            self._library.release()
            self._is_behind = False
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
            is_renewed = self.refresh()
            if self._outage:
                self._outage = ""
                logger.info("The knowledge in %s can be read again", self.folder)
            if is_renewed:
                logger.info(
                    "The knowledge has changed: %s passages, index %s",
                    self.stats.passages,
                    self.index_version,
                )
        except SettingsError as error:
            # Said once per outage, not every two seconds of it.
            if str(error) != self._outage:
                self._outage = str(error)
                logger.warning("%s It cannot be refreshed; the last index stays in use.", error)
        except Exception:
            logger.exception(
                "The knowledge in %s cannot be refreshed; the last index stays in use", self.folder
            )

    def _warn(self, warnings: Sequence[str]) -> None:
        """Keep the warnings, and log those that are new."""
        for warning in warnings:
            if warning not in self._warnings:
                logger.warning("%s", warning)
        self._warnings = tuple(warnings)

    def _make_index(self, version: str, started_at: float) -> PassageIndex:
        """Load the index of these contents, or build it; documents that did not change keep their passages."""
        kept = load_index(version, self._cache_folder)
        if kept is not None:
            return kept
        passages = self._library.make_passages(self._index.passages if self._index else (), self._digests)
        index = build_index(version, passages, started_at)
        save_index(index, self._cache_folder)
        return index


class KnowledgeRetriever(BaseRetriever):
    """LangChain's retriever over a `Knowledge`; `invoke(question, default_language=…)` passes the hint on."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge: Knowledge
    k: int = PASSAGES_FOUND
    within: tuple[str, ...] = ()

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, default_language: str | None = None
    ) -> list[Document]:
        return self.knowledge.search(query, k=self.k, default_language=default_language, within=self.within)


def _tell_language(index: PassageIndex, question: str) -> str:
    """Name the language of a question; empty where it does not tell."""
    known = (*LANGUAGES, *(name for name in index.languages if name not in LANGUAGES))
    return detect_language(question, known, "")


def _is_answerable(index: PassageIndex, question: str, asked_in: str, passages: Sequence[Passage]) -> bool:
    asked: dict[str, tuple[QuestionTerm, ...]] = {}
    lacks_name: dict[str, bool] = {}
    for passage in passages:
        language = passage.language
        if language not in asked:
            asked[language] = index.read_question(question, language, asked_in)
            names = [tokenize(name, language, asked_in) for name in find_names(question)]
            lacks_name[language] = has_unknown_name(names, partial(index.has_term, language=language))
        headings = frozenset(tokenize(passage.heading, language))
        terms = headings | frozenset(tokenize(passage.text, language))
        highest = index.highest_weight(language)
        if is_covered(asked[language], terms, headings, highest, has_unknown_name=lacks_name[language]):
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
            "part": passage.part,
            "parts": passage.parts,
            "block_part": passage.block_part,
            "block_parts": passage.block_parts,
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
