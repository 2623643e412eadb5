"""Outcomes of question sets, made by hand."""

from __future__ import annotations

from typing import Any

from chatbot.outcomes import Outcome
from chatbot.question_set import FoundPassage, GoldQuestion

RIGHT = FoundPassage("a.md", "A > Right", "The gold is in the second drawer.", 3.0)
WRONG = FoundPassage("b.md", "B", "Nothing of the kind.", 1.0)


def make_question(name: str = "q", **fields: Any) -> GoldQuestion:
    """Make a question that `RIGHT` answers, or one outside the documents."""
    gold = {"gold_file": RIGHT.file, "gold_heading": RIGHT.heading, "answer_key": "second drawer"}
    known = {} if fields.get("out_of_scope") else gold
    return GoldQuestion.model_validate(
        {"id": name, "lang": "en", "question": f"Where is {name}?", **known, **fields}
    )


def make_outcome(name: str = "q", *, rank: int | None = 1, **fields: Any) -> Outcome:
    """Make the outcome of a question with its right passage at a rank among ten, or nowhere."""
    question = make_question(
        name, **{key: fields.pop(key) for key in ("out_of_scope", "near") if key in fields}
    )
    passages = [WRONG] * 10
    if rank:
        passages[rank - 1] = RIGHT
    fields.setdefault("answer", "In the second drawer. [1]")
    fields.setdefault("refused", False)
    return Outcome(question=question, passages=tuple(passages), **fields)
