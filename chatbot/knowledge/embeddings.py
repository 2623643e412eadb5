"""Embedding models: which one the settings name, and its calls with deadlines, retries and errors of ours.

A question waits for its vector a short while only; passages are embedded in the background, in batches that are
tried again while that can help. Measured with langchain-openai 1.7: unless told otherwise it downloads tiktoken's
tables, sends numbers of tokens where other servers want text, asks for base64 and checks neither how many vectors
came nor how long they are.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from pydantic import SecretStr

from chatbot.errors import GuichetError, ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from chatbot.knowledge.local_model import LocalModel, hash_model
from chatbot.settings import Settings

Vectors = NDArray[np.float32]

# A reader waits for the first word meanwhile. Services answer within half a second; one that does not is better
# replaced by the words alone.
QUERY_DEADLINE_S = 2.0
BATCH_TIMEOUT_S = 60.0
# For one batch with all its tries; then the background rests and begins again where it stopped.
RETRY_DEADLINE_S = 90.0
# For a server that was never reached: more likely its address is wrong than that it is starting.
REACH_DEADLINE_S = 5.0
FIRST_PAUSE_S = 1.0
# The most that text-embeddings-inference takes by default; OpenAI takes 2,048.
REMOTE_BATCH = 32
# Few, so that a question does not wait long for the processor.
LOCAL_BATCH = 8
# A text that a server refuses is halved down to this before it is given up.
SHORTEST_TEXT = 200
_QUERIES_AT_ONCE = 8
# Too long or too many at once for some server: fewer or shorter texts may pass.
_TOO_MUCH = frozenset({400, 413, 422})
_PASSING = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class _Fault:
    """What became of a call: our error, the status if there was one, seconds the server wants to be left alone."""

    error: ProviderError
    status: int | None = None
    retry_after_s: float | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same call can succeed a little later."""
        return self.status is None or self.status in _PASSING or self.status >= 500


class _CallFailed(Exception):
    def __init__(self, fault: _Fault) -> None:
        super().__init__(str(fault.error))
        self.fault = fault


class Embedder:
    """Turns texts into vectors of length 1.

    Args:
        name: what the settings call the model.
        version: changes whenever the vectors of a text would.
        queries: embeds one question; its own timeout is at most `query_deadline_s`.
        passages: embeds a batch.
        batch_size: texts per call.
        query_deadline_s, retry_deadline_s, first_pause_s: as the constants of these names say.
    """

    def __init__(
        self,
        name: str,
        version: str,
        queries: Embeddings,
        passages: Embeddings,
        *,
        batch_size: int = REMOTE_BATCH,
        query_deadline_s: float = QUERY_DEADLINE_S,
        retry_deadline_s: float = RETRY_DEADLINE_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.name = name
        self.version = version
        self._queries = queries
        self._passages = passages
        self._batch_size = batch_size
        self._query_deadline_s = query_deadline_s
        self._retry_deadline_s = retry_deadline_s
        self._reach_deadline_s = min(REACH_DEADLINE_S, retry_deadline_s)
        self._first_pause_s = first_pause_s
        self._is_reached = False
        self._pool = ThreadPoolExecutor(_QUERIES_AT_ONCE, thread_name_prefix="embed-query")

    def embed_query(self, text: str) -> Vectors:
        """Give a question's vector, within the deadline whatever the server does.

        Raises:
            ProviderError: or a subclass; the message says what is wrong with the service, for the operator.
        """
        future: Future[list[float]] = self._pool.submit(self._queries.embed_query, text)
        try:
            vector = future.result(self._query_deadline_s)
        except WaitedTooLong as error:
            future.cancel()
            raise ProviderTimeout(
                f"{self.name} did not embed a question within {self._query_deadline_s:g} seconds."
            ) from error
        except Exception as error:
            raise self._read_fault(error).error from error
        return self._check([vector], 1).reshape(-1)

    def embed_passages(self, texts: Sequence[str], stop: threading.Event) -> Iterator[Vectors]:
        """Give the vectors batch by batch, in the order of the texts; ends early once `stop` is set.

        Raises:
            ProviderError: or a subclass; a batch failed for good. Those given before stay valid.
        """
        for start in range(0, len(texts), self._batch_size):
            if stop.is_set():
                return
            yield self._embed_batch(texts[start : start + self._batch_size], stop)

    def _embed_batch(self, texts: Sequence[str], stop: threading.Event) -> Vectors:
        """Embed one batch, by halves where it is too much for the server, by half a text where that is too long."""
        try:
            return self._try_batch(texts, stop)
        except _CallFailed as failure:
            if failure.fault.status not in _TOO_MUCH:
                raise failure.fault.error from failure.__cause__
            if len(texts) > 1:
                half = len(texts) // 2
                first = self._embed_batch(texts[:half], stop)
                return np.concatenate([first, self._embed_batch(texts[half:], stop)])
            if len(texts[0]) // 2 >= SHORTEST_TEXT:
                return self._embed_batch([texts[0][: len(texts[0]) // 2]], stop)
            raise failure.fault.error from failure.__cause__

    def _try_batch(self, texts: Sequence[str], stop: threading.Event) -> Vectors:
        """Call until it succeeds, until it cannot, or until the next pause would pass the deadline."""
        start = time.monotonic()
        pause_s = self._first_pause_s
        while True:
            try:
                vectors = self._passages.embed_documents(list(texts))
                self._is_reached = True
                return self._check(vectors, len(texts))
            except Exception as error:
                fault = self._read_fault(error)
                wait_s = fault.retry_after_s if fault.retry_after_s is not None else pause_s
                if fault.status is not None or not isinstance(fault.error, ProviderUnavailable):
                    self._is_reached = True
                end = start + (self._retry_deadline_s if self._is_reached else self._reach_deadline_s)
                if not fault.may_pass or time.monotonic() + wait_s > end or stop.wait(wait_s):
                    raise _CallFailed(fault) from error
            pause_s *= 2

    def _check(self, vectors: Sequence[Sequence[float]], wanted: int) -> Vectors:
        """Give the vectors as a matrix with rows of length 1; what cannot be one is the provider's fault."""
        try:
            matrix = np.asarray(vectors, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ProviderError(f"{self.name} gave vectors of different lengths, or none.") from error
        if matrix.ndim != 2 or len(matrix) != wanted or not matrix.shape[1]:
            raise ProviderError(f"{self.name} gave {len(vectors)} vectors for {wanted} texts.")
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ProviderError(f"{self.name} gave a vector that is zero or no number.")
        return np.asarray(matrix / lengths, dtype=np.float32)

    def _read_fault(self, error: Exception) -> _Fault:
        """Turn whatever a call raised into a fault that names the service and the remedy."""
        if isinstance(error, ProviderError):
            return _Fault(error)
        if isinstance(error, GuichetError):
            raise error
        openai = sys.modules.get("openai")
        if openai and isinstance(error, openai.APITimeoutError):
            return _Fault(ProviderTimeout(f"{self.name}: its server did not answer in time."))
        if openai and isinstance(error, openai.APIConnectionError):
            return _Fault(ProviderUnavailable(f"{self.name}: its server cannot be reached."))
        if openai and isinstance(error, openai.APIStatusError):
            status = error.status_code
            return _Fault(self._describe_status(status), status, _read_retry_after(error.response.headers))
        if isinstance(error, json.JSONDecodeError):
            return _Fault(ProviderError(f"{self.name}: its server sent an answer that is no JSON."))
        return _Fault(
            ProviderError(f"{self.name}: the answer cannot be used ({type(error).__name__}: {error}).")
        )

    def _describe_status(self, status: int) -> ProviderError:
        if status in (401, 403):
            return ProviderRejected(f"{self.name}: the server refused the key ({status}); set the right one.")
        if status == 429:
            return ProviderRejected(f"{self.name}: the quota or rate is used up ({status}).")
        if status == 404:
            return ProviderRejected(f"{self.name}: the server knows no such model or address ({status}).")
        if status in _TOO_MUCH:
            return ProviderRejected(f"{self.name}: the server did not accept the texts ({status}).")
        return ProviderUnavailable(f"{self.name}: the server is out of order ({status}).")


def build_embedder(settings: Settings) -> Embedder | None:
    """Build what `EMBEDDING_MODEL` names; None when it is empty.

    Raises:
        SettingsError: a local model cannot be loaded.
    """
    provider, _, model = settings.embedding_model.partition(":")
    if not provider:
        return None
    name = f"EMBEDDING_MODEL={settings.embedding_model}"
    if provider == "local":
        local = LocalModel(Path(model))
        return Embedder(name, hash_model(Path(model)), local, local, batch_size=LOCAL_BATCH)
    address = settings.azure_openai_endpoint if provider == "azure_openai" else settings.openai_base_url
    queries, passages = (_build_remote(settings, timeout) for timeout in (QUERY_DEADLINE_S, BATCH_TIMEOUT_S))
    return Embedder(name, f"{settings.embedding_model} {address}", queries, passages)


def _build_remote(settings: Settings, timeout_s: float) -> Embeddings:
    provider, _, model = settings.embedding_model.partition(":")
    # Imported here: 2.5 s that a search by words does without.
    from langchain_openai import AzureOpenAIEmbeddings, OpenAIEmbeddings

    options: dict[str, Any] = {
        # Text as it is, instead of token numbers by tables that would be downloaded.
        "check_embedding_ctx_length": False,
        # The SDK's default is base64, which not every server knows.
        "model_kwargs": {"encoding_format": "float"},
        # As many texts per call as there are in a batch of ours.
        "chunk_size": REMOTE_BATCH,
        "timeout": timeout_s,
        "max_retries": 0,
    }
    if provider == "azure_openai":
        return AzureOpenAIEmbeddings(
            azure_deployment=model,
            azure_endpoint=settings.azure_openai_endpoint,
            api_key=settings.azure_openai_api_key,
            api_version=settings.openai_api_version,
            **options,
        )
    return OpenAIEmbeddings(
        model=model,
        # Servers without a key still want the header.
        api_key=settings.openai_api_key or SecretStr("none"),
        base_url=settings.openai_base_url or None,
        **options,
    )


def _read_retry_after(headers: Any) -> float | None:
    """Read how many seconds a server wants to be left alone; a date or nonsense counts as not said."""
    try:
        seconds = float(headers.get("retry-after"))
    except (TypeError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
