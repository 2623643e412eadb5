"""Outcomes of questions: what was found and said, its verdict, the figures of a run, and the dump that keeps them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel, ValidationError

from chatbot.errors import UsageError
from chatbot.question_set import FoundPassage, GoldQuestion, describe_fault, read_lines
from chatbot.significance import bootstrap_interval, wilson_interval

Verdict = Literal[
    "right_passage",
    "wrong_passage",
    "not_found",
    "refused_wrongly",
    "refused_rightly",
    "answered_outside",
    "failed",
]
VERDICTS: tuple[Verdict, ...] = (
    "right_passage",
    "wrong_passage",
    "not_found",
    "refused_wrongly",
    "refused_rightly",
    "answered_outside",
    "failed",
)
GOOD: frozenset[Verdict] = frozenset({"right_passage", "refused_rightly"})
PASSAGES_JUDGED = 10
RANKS = (1, 3, 5)


@dataclass(frozen=True)
class Outcome:
    """What became of one question.

    `passages` are the ten best, best first; `cited` are the ranks, from 1, of those that the answer cites;
    `cites_right` is None where it is not known what was cited; `error_code` is None unless the answer failed. Times in
    milliseconds, None where they were not taken.
    """

    question: GoldQuestion
    passages: tuple[FoundPassage, ...]
    answer: str
    refused: bool
    cited: tuple[int, ...] = ()
    cites_right: bool | None = None
    error_code: str | None = None
    error: str = ""
    model: str | None = None
    index_version: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    retrieval_ms: float | None = None
    total_ms: float | None = None

    @cached_property
    def rank(self) -> int | None:
        """The first right passage's rank among ten, from 1; None where there is none or the question is outside."""
        if self.question.out_of_scope:
            return None
        ranked = enumerate(self.passages[:PASSAGES_JUDGED], start=1)
        return next((rank for rank, passage in ranked if self.question.is_right(passage)), None)

    @cached_property
    def holds_answer(self) -> bool:
        """Whether it is in scope, not refused, and the answer's own text holds what a right one does."""
        question = self.question
        return not question.out_of_scope and not self.refused and question.is_answered_by(self.answer)

    @cached_property
    def verdict(self) -> Verdict:
        """The one word for what became of it.

        In scope, an answer is right that cites a right passage; where it is not known what was cited, one that had
        a right passage among the best five.
        """
        if self.error_code:
            return "failed"
        if self.question.out_of_scope:
            return "refused_rightly" if self.refused else "answered_outside"
        if self.refused:
            return "refused_wrongly"
        if self.is_within(5) if self.cites_right is None else self.cites_right:
            return "right_passage"
        return "wrong_passage" if self.rank else "not_found"

    def is_within(self, k: int) -> bool:
        """Tell whether a right passage is among the first `k`."""
        return self.rank is not None and self.rank <= k


Measure = Callable[[Outcome], float | None]


def _inside(measure: Callable[[Outcome], float]) -> Measure:
    return lambda outcome: None if outcome.question.out_of_scope else float(measure(outcome))


def _refused(is_counted: Callable[[GoldQuestion], bool]) -> Measure:
    return lambda outcome: float(outcome.refused) if is_counted(outcome.question) else None


# What a question adds to each figure; None where it is not of the kind. A figure is the mean.
MEASURES: dict[str, Measure] = {
    "hit@1": _inside(lambda outcome: outcome.is_within(1)),
    "hit@3": _inside(lambda outcome: outcome.is_within(3)),
    "hit@5": _inside(lambda outcome: outcome.is_within(5)),
    "mrr@10": _inside(lambda outcome: 1 / outcome.rank if outcome.rank else 0.0),
    "answer_contains": _inside(lambda outcome: outcome.holds_answer),
    "refused_in_scope": _refused(lambda question: not question.out_of_scope),
    "refused_out_of_scope": _refused(lambda question: question.out_of_scope),
    "refused_near": _refused(lambda question: question.out_of_scope and question.near),
    "refused_far": _refused(lambda question: question.out_of_scope and not question.near),
}
_OPTIONAL = {"refused_near", "refused_far"}


def measure(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Add up the figures of a run: shares from 0 to 1, null where no question is of the kind."""
    figures = {name: _mean(_collect(outcomes, of)) for name, of in MEASURES.items()}
    tokens = [outcome.prompt_tokens for outcome in outcomes if outcome.prompt_tokens]
    times = sorted(outcome.retrieval_ms for outcome in outcomes if outcome.retrieval_ms is not None)
    costs = [outcome.cost_usd for outcome in outcomes if outcome.cost_usd is not None]
    inside = (outcome for outcome in outcomes if not outcome.question.out_of_scope)
    lengths = (len(passage.text) for outcome in inside for passage in outcome.passages)
    return {
        "questions": len(outcomes),
        **{name: value for name, value in figures.items() if value is not None or name not in _OPTIONAL},
        "failed": sum(outcome.verdict == "failed" for outcome in outcomes),
        "prompt_tokens_mean": round(statistics.fmean(tokens), 1) if tokens else 0,
        "completion_tokens": sum(outcome.completion_tokens for outcome in outcomes),
        "cost_usd": round(sum(costs), 6) if costs else None,
        "retrieval_ms_p50": take_percentile(times, 0.5),
        "retrieval_ms_p95": take_percentile(times, 0.95),
        "longest_passage": max(lengths, default=0),
    }


def measure_intervals(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """Give the 95 % interval of each figure that has questions: Wilson's for shares, the bootstrap's for mrr@10."""
    intervals = {}
    for name, of in MEASURES.items():
        if values := _collect(outcomes, of):
            is_share = name != "mrr@10"
            low, high = wilson_interval(sum(values), len(values)) if is_share else bootstrap_interval(values)
            intervals[name] = (round(low, 3), round(high, 3))
    return intervals


def take_percentile(ordered: Sequence[float], share: float) -> float | None:
    """Give a percentile of ordered values by nearest rank, None where there are none."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else None


def write_dump(outcomes: Iterable[Outcome], out: TextIO) -> None:
    """Write per question what was found and said, one JSON object per line."""
    for outcome in outcomes:
        out.write(json.dumps(_describe(outcome), ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class Dump:
    """An earlier run, judged by today's questions.

    `outcomes` are those of today's questions; `unknown` counts rows of others, `reworded` rows whose question has
    another text today.
    """

    outcomes: tuple[Outcome, ...]
    unknown: int
    reworded: int


def read_dump(path: Path, questions: Sequence[GoldQuestion]) -> Dump:
    """Read what `write_dump` wrote, or any file that has the same `id`, `refused`, `answer` and `passages`.

    Raises:
        UsageError: the file cannot be read, holds nothing, or a line is no such row; it is named.
    """
    by_id = {question.id: question for question in questions}
    rows = list(_read_rows(path))
    if not rows:
        raise UsageError(f"--baseline {path}: holds no row. {_WANTED}")
    known = [row for row in rows if row.id in by_id]
    return Dump(
        outcomes=tuple(_restore(row, by_id[row.id]) for row in known),
        unknown=len(rows) - len(known),
        reworded=sum(row.question not in (None, by_id[row.id].question) for row in known),
    )


_WANTED = "Name the file that --dump of an earlier run wrote."


class _PassageRow(BaseModel):
    file: str
    heading: str
    text: str
    score: float | None = None


class _Row(BaseModel):
    id: str
    refused: bool
    answer: str
    passages: list[_PassageRow]
    question: str | None = None
    cited: list[int] = []
    cites_right: bool | None = None
    error_code: str | None = None
    error: str = ""
    model: str | None = None
    index_version: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    retrieval_ms: float | None = None
    total_ms: float | None = None


# What a row keeps of an outcome as it is.
_KEPT = ("cites_right", "error_code", "error", "model", "index_version", "prompt_tokens", "completion_tokens",
         "cost_usd", "retrieval_ms", "total_ms")  # fmt: skip


def _describe(outcome: Outcome) -> dict[str, Any]:
    question = outcome.question
    return {
        "id": question.id,
        "lang": question.lang,
        "question": question.question,
        "out_of_scope": question.out_of_scope,
        "near": question.near,
        "verdict": outcome.verdict,
        "rank": outcome.rank,
        "holds_answer": outcome.holds_answer,
        "refused": outcome.refused,
        "answer": outcome.answer,
        "cited": outcome.cited,
        **{name: getattr(outcome, name) for name in _KEPT},
        "passages": [
            {"file": passage.file, "heading": passage.heading, "text": passage.text, "score": passage.score}
            for passage in outcome.passages
        ],
    }


def _restore(row: _Row, question: GoldQuestion) -> Outcome:
    passages = (FoundPassage(found.file, found.heading, found.text, found.score) for found in row.passages)
    return Outcome(
        question=question,
        passages=tuple(passages),
        answer=row.answer,
        refused=row.refused,
        cited=tuple(row.cited),
        **{name: getattr(row, name) for name in _KEPT},
    )


def _read_rows(path: Path) -> Iterator[_Row]:
    seen: set[str] = set()
    for number, line in read_lines(path, "--baseline"):
        try:
            row = _Row.model_validate_json(line)
        except ValidationError as error:
            fault = describe_fault(error)
            raise UsageError(f"--baseline {path}, line {number}: {fault}. {_WANTED}") from error
        if row.id in seen:
            raise UsageError(f"--baseline {path}, line {number}: the id {row.id!r} stands twice. {_WANTED}")
        seen.add(row.id)
        yield row


def _collect(outcomes: Sequence[Outcome], of: Measure) -> list[float]:
    return [value for outcome in outcomes if (value := of(outcome)) is not None]


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 3) if values else None
