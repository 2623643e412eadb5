"""The questions of an evaluation's report, as the data from which its page makes rows when they are looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chatbot.comparison import Comparison
from chatbot.markup import render_html
from chatbot.outcomes import PASSAGES_JUDGED, Outcome
from chatbot.question_set import FoundPassage

MAX_PASSAGE_BYTES = 12_000_000
"""Of all passages together; a browser opens that at once. Where they are more, each is cut to the first length that
fits."""
CUTS = (1000, 500, 200, 0)


def describe_rows(outcomes: Sequence[Outcome], comparison: Comparison | None) -> dict[str, Any]:
    """Give `passages`, each once however often it was found, `rows` that name them by number, and `cut`.

    `cut` is the length in characters to which passages were cut, None where they are whole.
    """
    numbers: dict[FoundPassage, int] = {}
    rows = []
    earlier = {outcome.question.id: outcome for outcome in comparison.before} if comparison else {}
    directions = {change.id: change.direction for change in comparison.changes} if comparison else {}
    for outcome in outcomes:
        row = _describe_row(outcome, numbers)
        if before := earlier.get(outcome.question.id):
            row["before"] = {"verdict": before.verdict, "rank": before.rank, "holds": before.holds_answer}
            row["direction"] = directions.get(outcome.question.id, "same")
            if before.answer != outcome.answer:
                row["before"]["answer"] = _render(before)
        rows.append(row)
    passages = [[found.file, found.heading, found.text] for found in numbers]
    cut = _choose_cut(passages)
    if cut is not None:
        passages = [[file, heading, text[:cut]] for file, heading, text in passages]
    return {"passages": passages, "rows": rows, "cut": cut}


def _describe_row(outcome: Outcome, numbers: dict[FoundPassage, int]) -> dict[str, Any]:
    question = outcome.question
    found = [
        # The score differs from question to question: the passage is the same.
        numbers.setdefault(FoundPassage(passage.file, passage.heading, passage.text), len(numbers))
        for passage in outcome.passages
    ]
    is_inside = not question.out_of_scope
    row = {
        "id": question.id,
        "question": question.question,
        "lang": question.lang,
        "near": question.near,
        "gold": [question.gold_file, question.gold_heading] if is_inside else None,
        "wanted": question.answers or [item for item in (question.answer_key, question.gold_snippet) if item],
        "verdict": outcome.verdict,
        "rank": outcome.rank,
        "holds": outcome.holds_answer if is_inside else None,
        "answer": _render(outcome),
        "cited": outcome.cited,
        "found": found,
        "right": [
            rank
            for rank, passage in enumerate(outcome.passages, start=1)
            if is_inside and question.is_right(passage)
        ],
        "prompt": outcome.prompt_tokens,
        "completion": outcome.completion_tokens,
        "cost": outcome.cost_usd,
        "search_ms": outcome.retrieval_ms,
        "total_ms": outcome.total_ms,
    }
    if outcome.error_code:
        row["error"] = f"{outcome.error_code}: {outcome.error}"
    return row


def _render(outcome: Outcome) -> str:
    return render_html(outcome.answer, range(1, PASSAGES_JUDGED + 1)) if outcome.answer.strip() else ""


def _choose_cut(passages: Sequence[Sequence[str]]) -> int | None:
    sizes = [len(json.dumps(text, ensure_ascii=False).encode()) for _, _, text in passages]
    if sum(sizes) <= MAX_PASSAGE_BYTES:
        return None
    for cut in CUTS:
        if sum(len(text[:cut].encode()) for _, _, text in passages) <= MAX_PASSAGE_BYTES:
            return cut
    return CUTS[-1]
