"""Answers a question from the documents: the team's own answer, a courtesy, a refusal, or the model's over passages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from chatbot.answer import Draft, refuse
from chatbot.assistants.definition import Assistant
from chatbot.courtesy import answer_courtesy
from chatbot.events import Event, Html, Sources, Token
from chatbot.followups import StandaloneQuestion, pair_turns
from chatbot.generation import Generation
from chatbot.knowledge.curated import CuratedAnswers, CuratedHit
from chatbot.knowledge.language_index import is_within
from chatbot.knowledge.retriever import Knowledge
from chatbot.models import OFFLINE
from chatbot.prompts import PromptInput, build_messages, build_messages_async
from chatbot.questions import Turn
from chatbot.retrieval import Rewriter, find_passages, make_standalone
from chatbot.settings import Settings
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.streaming import StopSignal


class DocumentationAnswerer:
    """Answers from passages, for assistants of kind documentation."""

    def __init__(
        self, store: Store, knowledge: Knowledge, generation: Generation, settings: Settings
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._generation = generation
        prompt = RunnableLambda(build_messages, build_messages_async)
        self._chain: Runnable[PromptInput, Any] = prompt | generation.model
        is_offline = generation.model_name == OFFLINE
        self._rewriter = None if is_offline else Rewriter(generation.model, settings.model_timeout)
        self.curated = CuratedAnswers(knowledge, settings.private_dir)

    async def answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        """Answer one turn into its draft."""
        assistant = draft.assistant
        if assistant is None:
            raise ValueError("the draft has no assistant")
        standalone, history, hit = await self._understand(turn, assistant, draft, signal)
        draft.searched_for = standalone.text if standalone.text != turn.text else None
        if signal.status:
            return
        if hit:
            draft.add_curated(hit, turn.language)
        if draft.text:
            yield Sources(draft.found)
            yield Token(draft.text)
            yield Html(draft.html())
            return
        found = await find_passages(
            self._knowledge,
            turn.text,
            standalone,
            assistant.passages,
            default_language=turn.language,
            within=assistant.knowledge,
        )
        draft.take_passages(found.documents)
        yield Sources(draft.found)
        if not found.is_answerable:
            draft.is_refusal = True
            yield Token(draft.add_plain(refuse(turn.language)))
            yield Html(draft.html())
            return
        answered = [pair for pair in history if pair[1]]
        prompt = PromptInput(
            instructions=assistant.prompt,
            question=turn.text,
            language=turn.language,
            passages=draft.offered,
            history=answered[-assistant.history :] if assistant.history else [],
            standalone=standalone.text,
            answer_in=assistant.language,
        )
        async for event in self._generation.write(
            self._chain,
            draft.take_prompt(prompt),
            draft,
            signal,
            language=turn.language,
            citations={passage.number for passage in draft.found},
        ):
            yield event

    async def _understand(
        self, turn: Turn, assistant: Assistant, draft: Draft, signal: StopSignal
    ) -> tuple[StandaloneQuestion, list[tuple[str, str]], CuratedHit | None]:
        """Give the question that stands alone, the thread before it, and the team's own answer if there is one."""
        hit = await self._find_curated(turn.text, turn.language, assistant)
        history = [] if hit else await read_history(self._store, turn)
        last_answer = history[-1][1] if history else ""
        if not hit and (line := answer_courtesy(turn.text, turn.language, assistant, last_answer)):
            draft.add_plain(line)
            return StandaloneQuestion(turn.text), history, None
        standalone, usage = await make_standalone(
            turn.text,
            history,
            turn.language,
            # An assistant without history shows no model what was said before.
            rewriter=self._rewriter if assistant.history else None,
            signal=signal,
        )
        if usage:
            draft.model = self._generation.model_name
            draft.add_usage(usage)
            hit = await self._find_curated(standalone.text, turn.language, assistant)
        return standalone, history, hit

    async def _find_curated(self, text: str, language: str, assistant: Assistant) -> CuratedHit | None:
        """Give the team's own answer; not one whose sources all lie outside of what the assistant answers from."""
        find = partial(self.curated.find, text, language)
        hit = find() if self.curated.is_read() else await asyncio.to_thread(find)
        if hit and assistant.knowledge and hit.passages:
            sources = [passage.source for passage in hit.passages if passage]
            return hit if any(is_within(source, assistant.knowledge) for source in sources) else None
        return hit


async def read_history(store: Store, turn: Turn) -> list[tuple[str, str]]:
    """Give the thread's (question, answer) pairs, the oldest first; an answer that did not come about is empty."""
    if turn.history is not None:
        return list(turn.history)
    if turn.position <= 1:
        return []
    return pair_turns(await store.read_async(threads.list_messages, turn.thread.thread_id))
