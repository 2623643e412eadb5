"""Asks question sets: every question goes through the one turn that all channels use.

The turns work on a store of their own that is thrown away: nothing is left in threads and messages.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from chatbot.errors import GuichetError
from chatbot.events import Event, Failed
from chatbot.knowledge.retriever import Knowledge
from chatbot.outcomes import PASSAGES_JUDGED, Outcome
from chatbot.question_set import FoundPassage, GoldQuestion
from chatbot.questions import Question
from chatbot.store import threads
from chatbot.store.records import Message, Thread
from chatbot.turns import Turns

ASKED_AT_ONCE = 8
ASKED_AT_ONCE_OFFLINE = 2
"""The offline model waits for nothing: more at once only take turns (measured: 8 took up to twice the time of 2)."""
GIVE_UP_AFTER = 10
"""Failures in a row, without one answer of the model between them, after which no more is asked: a rejected key or a
server that is down would fail at every question."""
TESTER = "evaluation"

Progress = Callable[[int, int], None]


class Evaluation:
    """Asks the questions of a set.

    Args:
        turns: over a store that nothing else uses.
        at_once: how many questions are being answered at once.
    """

    def __init__(
        self, turns: Turns, knowledge: Knowledge, assistant: str, *, at_once: int = ASKED_AT_ONCE
    ) -> None:
        self._turns = turns
        self._store = turns.conversation.store
        self._knowledge = knowledge
        self._assistant = assistant
        self._at_once = at_once
        self._outcomes: dict[int, Outcome] = {}
        self._failures = 0
        self.given_up: Outcome | None = None

    @property
    def outcomes(self) -> list[Outcome]:
        """What was asked by now, in the questions' order; valid after an interruption too."""
        return [outcome for _, outcome in sorted(self._outcomes.items())]

    async def run(
        self, questions: Sequence[GoldQuestion], searching: Progress, answering: Progress
    ) -> list[Outcome]:
        """Search for all, one by one, then ask all, several at a time.

        Where the model fails too often in a row the rest is not asked; `given_up` is the last failure then.
        """
        # Before anything is asked, so that a search is timed while nothing else of this process runs.
        found = []
        for number, question in enumerate(questions, start=1):
            found.append(await asyncio.to_thread(self._search, question))
            searching(number, len(questions))
        waiting = iter(enumerate(zip(questions, found, strict=True)))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._at_once, len(questions))):
                group.create_task(self._work(waiting, lambda: answering(len(self._outcomes), len(questions))))
        return self.outcomes

    async def _work(
        self,
        waiting: Iterator[tuple[int, tuple[GoldQuestion, tuple[list[FoundPassage], float]]]],
        report: Callable[[], None],
    ) -> None:
        for number, (question, (passages, retrieval_ms)) in waiting:
            outcome = await self._ask(question, tuple(passages), retrieval_ms)
            self._outcomes[number] = outcome
            report()
            self._count_failure(outcome)
            if self.given_up:
                return

    def _count_failure(self, outcome: Outcome) -> None:
        if outcome.error_code:
            self._failures += 1
            if self._failures >= GIVE_UP_AFTER:
                self.given_up = outcome
        elif outcome.model:
            self._failures = 0

    def _search(self, question: GoldQuestion) -> tuple[list[FoundPassage], float]:
        started = time.perf_counter()
        found = self._knowledge.search(question.question, k=PASSAGES_JUDGED, default_language=question.lang)
        milliseconds = (time.perf_counter() - started) * 1000
        passages = [
            FoundPassage(
                document.metadata["source"],
                document.metadata["heading"],
                document.page_content,
                document.metadata.get("score"),
            )
            for document in found
        ]
        return passages, milliseconds

    async def _ask(
        self, question: GoldQuestion, passages: tuple[FoundPassage, ...], retrieval_ms: float
    ) -> Outcome:
        try:
            message, end = await self._take_turn(question)
        except GuichetError as error:
            return Outcome(
                question, passages, "", refused=False, error_code=error.code, error=str(error),
                retrieval_ms=retrieval_ms,
            )  # fmt: skip
        failure = end if isinstance(end, Failed) else None
        is_complete = message.status == "complete"
        return Outcome(
            question=question,
            passages=passages,
            answer=message.content,
            refused=message.status == "refused",
            cited=_list_cited(message, passages) if is_complete else (),
            cites_right=_cites_right(question, message) if is_complete else None,
            error_code=failure.code if failure else None,
            error=failure.message if failure else "",
            model=message.model,
            index_version=message.index_version,
            prompt_tokens=message.prompt_tokens or 0,
            completion_tokens=message.completion_tokens or 0,
            cost_usd=message.cost_usd,
            retrieval_ms=round(retrieval_ms, 3),
            total_ms=message.total_ms,
        )

    async def _take_turn(self, question: GoldQuestion) -> tuple[Message, Event | None]:
        thread = Thread(
            str(uuid.uuid4()), self._assistant, "cli", TESTER, None, None, question.lang, self._store.clock()
        )
        await self._store.write_async(threads.add_thread, thread)
        turn = await self._turns.start(Question(thread.thread_id, TESTER, question.question, question.lang))
        end: Event | None = None
        async for _, event in self._turns.listen(turn.message_id, TESTER):
            end = event
        return await self._store.read_async(threads.read_message, turn.message_id), end


def _list_cited(message: Message, passages: Sequence[FoundPassage]) -> tuple[int, ...]:
    """Give the ranks, among the passages judged, of those that the answer cites under the same number."""
    places = {(rank, passage.file, passage.heading) for rank, passage in enumerate(passages, start=1)}
    return tuple(
        used.number
        for used in message.passages
        if used.cited and (used.number, used.source, used.heading) in places
    )


def _cites_right(question: GoldQuestion, message: Message) -> bool:
    return any(
        question.is_right(FoundPassage(used.source, used.heading, used.snippet))
        for used in message.passages
        if used.cited
    )
