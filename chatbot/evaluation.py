"""Question sets: what is found, what is answered, what is refused, against what is known to be right.

Every question goes through the one turn that all channels use, on a store of its own that is thrown away: nothing is
left in threads and messages.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.conversation import Question
from chatbot.errors import UsageError
from chatbot.events import Reply
from chatbot.knowledge.retriever import Knowledge
from chatbot.store import threads
from chatbot.store.records import Thread
from chatbot.text import collapse_space
from chatbot.turns import Turns

PASSAGES_JUDGED = 10
RANKS = (1, 3, 5)
ASKED_AT_ONCE = 8
TESTER = "evaluation"


class GoldQuestion(BaseModel):
    """A question and what is known of its answer; one line of a question file."""

    model_config = ConfigDict(frozen=True)

    id: str
    lang: str
    question: str
    gold_file: str = ""
    gold_heading: str = ""
    gold_snippet: str | None = None
    alt_snippets: list[str] = []
    answers: list[str] = []
    answer_key: str | None = None
    out_of_scope: bool = False
    near: bool = False

    def is_right(self, document: Document) -> bool:
        """Tell whether a passage is a right one: of the gold section, or with one of the snippets in it."""
        text = collapse_space(document.page_content)
        snippets = (self.gold_snippet, *self.alt_snippets)
        if any(snippet and collapse_space(snippet) in text for snippet in snippets):
            return True
        heading = collapse_space(document.metadata["heading"])
        return document.metadata["source"] == self.gold_file and heading == collapse_space(self.gold_heading)

    def is_answered_by(self, answer: str) -> bool:
        """Tell whether an answer's text holds what a right one does."""
        text = collapse_space(answer).lower()
        wanted: Sequence[str | None] = self.answers or (
            self.answer_key,
            self.gold_snippet,
            *self.alt_snippets,
        )
        return any(item and collapse_space(item).lower() in text for item in wanted)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question; `rank` is the first right passage's among ten, from 1."""

    question: GoldQuestion
    passages: tuple[Document, ...]
    rank: int | None
    answer: str
    refused: bool
    failed: bool
    prompt_tokens: int
    retrieval_ms: float


def read_questions(path: Path) -> list[GoldQuestion]:
    """Read a question file: one JSON object per line.

    Raises:
        UsageError: the file cannot be read, or a line is wrong; it is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--questions {path}: cannot be read: {error}.") from error
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            questions.append(GoldQuestion.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(map(str, fault["loc"])) or "line"
            raise UsageError(f"--questions {path}, line {number}: {field}: {fault['msg']}.") from error
    if not questions:
        raise UsageError(f"--questions {path}: holds no question.")
    return questions


class Evaluation:
    """Asks the questions of a set.

    Args:
        turns: over a store that nothing else uses.
    """

    def __init__(self, turns: Turns, knowledge: Knowledge, assistant: str) -> None:
        self._turns = turns
        self._store = turns.conversation.store
        self._knowledge = knowledge
        self._assistant = assistant

    async def run(
        self, questions: Sequence[GoldQuestion], progress: Callable[[int, int], None]
    ) -> list[Outcome]:
        """Ask all, several at a time, and give the outcomes in the questions' order."""
        gate = asyncio.Semaphore(ASKED_AT_ONCE)
        done = 0

        async def ask_one(question: GoldQuestion) -> Outcome:
            nonlocal done
            async with gate:
                outcome = await self._ask(question)
            done += 1
            progress(done, len(questions))
            return outcome

        return await asyncio.gather(*map(ask_one, questions))

    async def _ask(self, question: GoldQuestion) -> Outcome:
        # On the event loop, so that nothing else of this process runs while it is timed.
        started = time.perf_counter()
        found = self._knowledge.search(question.question, k=PASSAGES_JUDGED, default_language=question.lang)
        retrieval_ms = (time.perf_counter() - started) * 1000
        thread = Thread(
            str(uuid.uuid4()), self._assistant, "cli", TESTER, None, None, question.lang, self._store.clock()
        )
        await self._store.write_async(threads.add_thread, thread)
        turn = await self._turns.start(Question(thread.thread_id, TESTER, question.question, question.lang))
        end = None
        async for _, event in self._turns.listen(turn.message_id, TESTER):
            end = event
        message = await self._store.read_async(threads.read_message, turn.message_id)
        ranks = (rank for rank, document in enumerate(found, 1) if question.is_right(document))
        return Outcome(
            question=question,
            passages=tuple(found),
            rank=None if question.out_of_scope else next(ranks, None),
            answer=message.content,
            refused=message.status == "refused",
            failed=not isinstance(end, Reply),
            prompt_tokens=message.prompt_tokens or 0,
            retrieval_ms=retrieval_ms,
        )


def summarize(outcomes: Sequence[Outcome], knowledge: Knowledge) -> dict[str, Any]:
    """Add up a run: shares from 0 to 1, null where no question is of the kind."""
    inside = [outcome for outcome in outcomes if not outcome.question.out_of_scope]
    outside = [outcome for outcome in outcomes if outcome.question.out_of_scope]
    tokens = [outcome.prompt_tokens for outcome in outcomes if outcome.prompt_tokens]
    times = sorted(outcome.retrieval_ms for outcome in outcomes)
    stats = knowledge.stats
    lengths = (len(document.page_content) for outcome in inside for document in outcome.passages)
    return {
        "questions": len(outcomes),
        **{f"hit@{k}": _share(_is_within(outcome, k) for outcome in inside) for k in RANKS},
        "mrr@10": _mean([1 / outcome.rank if outcome.rank else 0.0 for outcome in inside]),
        "answer_contains": _share(
            not outcome.refused and outcome.question.is_answered_by(outcome.answer) for outcome in inside
        ),
        "refused_in_scope": _share(outcome.refused for outcome in inside),
        "refused_out_of_scope": _share(outcome.refused for outcome in outside),
        "failed": sum(outcome.failed for outcome in outcomes),
        "prompt_tokens_mean": round(statistics.fmean(tokens), 1) if tokens else 0,
        "knowledge_tokens": stats.tokens,
        "retrieval_ms_p50": round(times[len(times) // 2], 3),
        "retrieval_ms_p95": round(times[min(len(times) - 1, int(len(times) * 0.95))], 3),
        "index_seconds": round(stats.seconds, 3),
        "passages": stats.passages,
        "longest_passage": max(lengths, default=0),
    }


def write_dump(outcomes: Iterable[Outcome], out: TextIO) -> None:
    """Write per question what was found and said, one JSON object per line."""
    for outcome in outcomes:
        row = {
            "id": outcome.question.id,
            "refused": outcome.refused,
            "answer": outcome.answer,
            "passages": [
                {
                    "file": document.metadata["source"],
                    "heading": document.metadata["heading"],
                    "text": document.page_content,
                }
                for document in outcome.passages
            ],
        }
        out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _is_within(outcome: Outcome, k: int) -> bool:
    return outcome.rank is not None and outcome.rank <= k


def _share(values: Iterable[bool]) -> float | None:
    return _mean([float(value) for value in values])


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 3) if values else None
