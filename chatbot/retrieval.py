"""What a turn is answered from: the question that stands alone, the passages for it, whether they can answer it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable

from chatbot.errors import ProviderError
from chatbot.followups import (
    LONGEST_REWRITE,
    StandaloneQuestion,
    build_rewrite,
    expand_question,
    has_own_share,
    needs_thread,
    read_rewrite,
)
from chatbot.knowledge.retriever import PASSAGES_FOUND, Knowledge
from chatbot.models import Usage
from chatbot.streaming import StopSignal, stream_until
from chatbot.text import estimate_tokens

# One line is written within seconds; a reader waits for it before the answer begins.
REWRITE_DEADLINE_S = 10.0
# Beyond this a model is not writing a question any more.
_LONGEST_READ = 4 * LONGEST_REWRITE
_RANK_OFFSET = 60

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Passages for a question, best first, and whether any of them can answer it."""

    documents: list[Document]
    is_answerable: bool


class Rewriter:
    """Has a model write follow-ups as questions that stand alone.

    Args:
        model: takes the messages of a prompt.
        timeout_s: longest wait for a piece; the whole takes at most `REWRITE_DEADLINE_S`.
    """

    def __init__(self, model: Runnable[Any, Any], timeout_s: float) -> None:
        self._model = model
        self._timeout_s = min(timeout_s, REWRITE_DEADLINE_S)

    async def rewrite(
        self, question: str, history: Sequence[tuple[str, str]], signal: StopSignal
    ) -> tuple[str, Usage]:
        """Give the question rewritten, empty where the model gave none that can be used, and what the call took."""
        messages = build_rewrite(question, history)
        prompt_tokens: int | None = None
        completion_tokens: int | None = None
        text = ""
        is_whole = False
        stream = stream_until(
            signal, self._model, messages, timeout_s=self._timeout_s, deadline_s=REWRITE_DEADLINE_S
        )
        try:
            async with aclosing(stream):
                async for part in stream:
                    text += part.text
                    prompt_tokens = prompt_tokens if part.prompt_tokens is None else part.prompt_tokens
                    if part.completion_tokens is not None:
                        completion_tokens = part.completion_tokens
                    if len(text) > _LONGEST_READ:
                        break
                else:
                    is_whole = True
        except ProviderError as error:
            logger.warning(
                "A follow-up could not be rewritten, its thread's words are added instead: %s", error
            )
        sent = sum(estimate_tokens(str(message.text)) for message in messages)
        usage = Usage(
            sent if prompt_tokens is None else prompt_tokens,
            estimate_tokens(text) if completion_tokens is None else completion_tokens,
        )
        return (read_rewrite(text) if is_whole else ""), usage


async def make_standalone(
    question: str,
    history: Sequence[tuple[str, str]],
    language: str,
    *,
    rewriter: Rewriter | None,
    signal: StopSignal,
) -> tuple[StandaloneQuestion, Usage | None]:
    """Give the question as it can be understood without its thread, and what a model's call for it took.

    No model is called where there is no thread yet, or where the question does not lean on it.

    Args:
        history: all (question, answer) pairs of the thread, the oldest first, answers empty where there was none.
        rewriter: None offline; then, and where it fails, words of the earlier questions are added.
    """
    if not history or not needs_thread(question, language):
        return StandaloneQuestion(question), None
    usage: Usage | None = None
    if rewriter:
        rewritten, usage = await rewriter.rewrite(question, history, signal)
        if rewritten:
            logger.debug("Follow-up %r is searched for as %r", question, rewritten)
            return StandaloneQuestion(rewritten), usage
    expanded = expand_question(question, [asked for asked, _ in history], language)
    logger.debug("Follow-up %r is searched for as %r", question, expanded.text)
    return expanded, usage


async def find_passages(
    knowledge: Knowledge,
    asked: str,
    standalone: StandaloneQuestion,
    k: int,
    *,
    default_language: str,
    within: tuple[str, ...] = (),
) -> Found:
    """Find the passages for a question, off the event loop.

    Where words of the thread were only added, what is found with them and without them is fused: the thread helps,
    and does not drag a new topic back to the old one.
    """

    def find() -> Found:
        if not standalone.is_expanded:
            documents = knowledge.search(
                standalone.text, k=k, default_language=default_language, within=within
            )
            return Found(documents, knowledge.is_answerable(standalone.text, documents))
        wide = max(k, PASSAGES_FOUND)
        queries = (standalone.text, asked)
        found = [
            knowledge.search(query, k=wide, default_language=default_language, within=within)
            for query in queries
        ]
        documents = fuse_documents(found)[:k]
        is_answerable = knowledge.is_answerable(standalone.text, documents)
        return Found(documents, is_answerable and has_own_share(asked, documents, default_language))

    return await asyncio.to_thread(find)


def fuse_documents(rankings: Sequence[Sequence[Document]]) -> list[Document]:
    """Merge ranked lists of passages by reciprocal rank fusion; `score` and `rank` are then those of the fusion.

    Source: Cormack, Clarke, Buettcher, SIGIR 2009.
    """
    scores: dict[str, float] = {}
    documents: dict[str, Document] = {}
    for ranking in rankings:
        for rank, document in enumerate(ranking, start=1):
            key = document.metadata["passage_id"]
            documents.setdefault(key, document)
            scores[key] = scores.get(key, 0.0) + 1 / (_RANK_OFFSET + rank)
    best = sorted(scores, key=lambda key: -scores[key])
    return [
        documents[key].model_copy(
            update={"metadata": documents[key].metadata | {"score": round(scores[key], 4), "rank": rank}}
        )
        for rank, key in enumerate(best, start=1)
    ]
