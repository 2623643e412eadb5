"""The search by meaning: passages are embedded in the background, a question when it is asked.

The search by words is always there. This one joins it once most passages have their vectors, and leaves it alone while
the service that embeds them is out of order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import numpy as np

from chatbot.errors import ProviderError
from chatbot.knowledge.embeddings import Embedder, build_embedder
from chatbot.knowledge.passages import Passage
from chatbot.knowledge.vector_cache import KEPT_AS, Vector, VectorCache
from chatbot.knowledge.vectors import Nearness, VectorIndex, list_keys, split_passage
from chatbot.settings import Settings

Progress = Callable[[int, int], None]

FIRST_REST_S = 5.0
LONGEST_REST_S = 300.0
# Enough to lose little by a kill, seldom enough for a file of hundreds of megabytes.
_SAVE_EVERY_S = 60.0
_LOG_EVERY_S = 15.0
_QUERIES_KEPT = 256

logger = logging.getLogger(__name__)


class Outage:
    """Whether a service is out of order, why, and when to ask it again: after rests that double.

    Args:
        subject: what does not work meanwhile, as the log and the warnings begin.
        first_rest_s, longest_rest_s: bounds of the rests.
        clock: monotonic seconds.
    """

    def __init__(
        self, subject: str, first_rest_s: float, longest_rest_s: float, clock: Callable[[], float]
    ) -> None:
        self._subject = subject
        self._first_rest_s = first_rest_s
        self._longest_rest_s = longest_rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._again_at = 0.0
        self.rest_s = 0.0
        self.warning = ""

    @property
    def is_resting(self) -> bool:
        """Whether the service is left alone now."""
        return bool(self.warning) and self._clock() < self._again_at

    def begin(self, reason: str) -> None:
        """Note a failure; the log hears of the first one only."""
        with self._lock:
            if not self.warning:
                logger.warning("%s: %s Passages are found by their words alone.", self._subject, reason)
            self.warning = f"{self._subject}: {reason} Passages are found by their words alone."
            self.rest_s = min(self.rest_s * 2 or self._first_rest_s, self._longest_rest_s)
            self._again_at = self._clock() + self.rest_s

    def end(self) -> None:
        """Note a success."""
        with self._lock:
            if self.warning:
                logger.info("%s: this works again.", self._subject)
            self.warning = ""
            self.rest_s = 0.0


class MeaningSearch:
    """Scores passages by the nearness of their vectors to a question's.

    Args:
        embedder: the model.
        cache: where vectors outlive the process.
        first_rest_s, longest_rest_s: how long a service that failed is left alone.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        embedder: Embedder,
        cache: VectorCache,
        *,
        first_rest_s: float = FIRST_REST_S,
        longest_rest_s: float = LONGEST_REST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._embedder = embedder
        self._cache = cache
        self._questions = Outage("Questions cannot be embedded", first_rest_s, longest_rest_s, clock)
        self._texts = Outage("Passages cannot be embedded", first_rest_s, longest_rest_s, clock)
        self._index: VectorIndex | None = None
        self._known: dict[bytes, Vector] = {}
        self._is_loaded = False
        self._queries: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wanted: Sequence[Passage] | None = None
        self._is_busy = False
        self._is_closed = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._progress: Progress | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not work at the moment: a sentence each."""
        return tuple(outage.warning for outage in (self._texts, self._questions) if outage.warning)

    def follow(self, passages: Sequence[Passage]) -> None:
        """Begin to embed the passages of a new index that have no vectors yet; return at once."""
        with self._changed:
            self._wanted = passages
            # What was being embedded for the index before is kept; the rest of it may not be wanted any more.
            self._stop.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="embeddings", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, timeout_s: float | None = None, progress: Progress | None = None) -> bool:
        """Wait until all passages have vectors or the service has failed; tell whether it came to that in time.

        Args:
            progress: told how many texts of how many are embedded.
        """
        self._progress = progress
        with self._changed:
            return self._changed.wait_for(
                lambda: (not self._is_busy and self._wanted is None) or bool(self._texts.warning), timeout_s
            )

    def close(self) -> None:
        """End the background's work; what it has embedded is kept."""
        with self._changed:
            self._is_closed = True
            self._stop.set()
            self._changed.notify_all()
            thread = self._thread
        if thread:
            thread.join()

    def score(self, question: str, passages: Sequence[Passage], language: str) -> Nearness | None:
        """Tell how near the passages of one language are to a question.

        Args:
            passages: those of the index that is searched.

        Returns:
            None where the search by words stands alone: the vectors are not ready, or the question could not be
            embedded.
        """
        index = self._index
        if index is None or index.passages is not passages or not index.is_enough:
            return None
        query = self._embed_question(question)
        if query is None:
            return None
        if len(query) != index.dimensions:
            self._begin_anew(passages)
            return None
        return index.score(query, language)

    def _embed_question(self, question: str) -> Vector | None:
        with self._lock:
            kept = self._queries.get(question)
        if kept is not None:
            return kept
        if self._questions.is_resting:
            return None
        try:
            vector: Vector = self._embedder.embed_query(question)
        except ProviderError as error:
            self._questions.begin(str(error))
            return None
        self._questions.end()
        with self._lock:
            self._queries[question] = vector
            if len(self._queries) > _QUERIES_KEPT:
                self._queries.popitem(last=False)
        return vector

    def _begin_anew(self, passages: Sequence[Passage]) -> None:
        """Embed everything again: the server has another model under the old name."""
        logger.warning(
            "%s gives vectors of another length; all passages are embedded again.", self._embedder.name
        )
        with self._lock:
            self._index = None
            self._known = {}
            self._queries.clear()
        self.follow(passages)

    def _work(self) -> None:
        """Embed what is wanted, again and again until it is done, in the one thread of this."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted is not None or self._is_closed)
                if self._is_closed:
                    return
                passages, self._wanted = self._wanted or (), None
                self._stop.clear()
                self._is_busy = True
            try:
                self._embed(passages)
                self._texts.end()
            except ProviderError as error:
                self._texts.begin(str(error))
            except Exception:
                logger.exception("The passages cannot be embedded")
                self._texts.begin("An error of this service; its log says more.")
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                if self._texts.warning:
                    self._changed.wait_for(
                        lambda: self._is_closed or self._wanted is not None, self._texts.rest_s
                    )
                    self._wanted = self._wanted or passages

    def _embed(self, passages: Sequence[Passage]) -> None:
        """Embed the parts that have no vector and put the index in force; what came before a failure counts too."""
        if not self._is_loaded:
            self._known = self._cache.load()
            self._is_loaded = True
        parts = [split_passage(passage) for passage in passages]
        keys = [list_keys(texts) for texts in parts]
        self._publish(passages, keys)
        missing = {
            key: text
            for texts, hashes in zip(parts, keys, strict=True)
            for key, text in zip(hashes, texts, strict=True)
            if key not in self._known
        }
        if not missing:
            return
        started = time.monotonic()
        logger.info("%d texts are being embedded by %s", len(missing), self._embedder.name)
        try:
            self._embed_missing(missing, passages)
        finally:
            self._save(keys, missing)
            self._publish(passages, keys)
        logger.info("The passages are embedded, in %.1f seconds", time.monotonic() - started)

    def _embed_missing(self, missing: Mapping[bytes, str], passages: Sequence[Passage]) -> None:
        order = list(missing)
        done = 0
        logged_at = saved_at = time.monotonic()
        for vectors in self._embedder.embed_passages(list(missing.values()), self._stop):
            if any(len(vector) != vectors.shape[1] for vector in islice(self._known.values(), 1)):
                self._begin_anew(passages)
                return
            # Rounded as they will come from the cache: a restart changes no ranking.
            rounded = vectors.astype(KEPT_AS).astype(np.float32)
            self._known.update(zip(order[done : done + len(vectors)], rounded, strict=True))
            done += len(vectors)
            if self._progress:
                self._progress(done, len(order))
            now = time.monotonic()
            if now - logged_at > _LOG_EVERY_S:
                logged_at = now
                logger.info("%d of %d texts are embedded", done, len(order))
            if now - saved_at > _SAVE_EVERY_S:
                self._save([order], missing)
                saved_at = time.monotonic()

    def _save(self, keys: Sequence[Sequence[bytes]], made: Mapping[bytes, str]) -> None:
        new = {key: self._known[key] for key in made if key in self._known}
        if new:
            self._cache.save(new, (key for hashes in keys for key in hashes))

    def _publish(self, passages: Sequence[Passage], keys: Sequence[Sequence[bytes]]) -> None:
        """Put the vectors there are in force, and let go of those that no passage has any more."""
        index = VectorIndex(passages, keys, self._known)
        used = {key: self._known[key] for hashes in keys for key in hashes if key in self._known}
        # Views of the index's own rows: each vector is in memory once.
        self._known = used | dict(index.list_rows())
        self._index = index


def build_meaning(settings: Settings) -> MeaningSearch | None:
    """Build the search by meaning that `EMBEDDING_MODEL` names; None when it is empty.

    Raises:
        SettingsError: a local model cannot be loaded.
    """
    embedder = build_embedder(settings)
    if embedder is None:
        return None
    return MeaningSearch(embedder, VectorCache(settings.private_dir / "index", embedder.version))
