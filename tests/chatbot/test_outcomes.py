"""Outcomes: ranks, verdicts, figures, and the dump that is read back as what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import UsageError
from chatbot.outcomes import Outcome, Verdict, measure, measure_intervals, read_dump, write_dump
from tests.chatbot.runs import make_outcome

OUTSIDE = {"out_of_scope": True, "rank": None}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cites_right": True}, "right_passage"),
        ({"cites_right": False}, "wrong_passage"),
        ({"cites_right": False, "rank": None}, "not_found"),
        ({"rank": 5}, "right_passage"),
        ({"rank": 6}, "wrong_passage"),
        ({"refused": True}, "refused_wrongly"),
        ({"refused": True, **OUTSIDE}, "refused_rightly"),
        (OUTSIDE, "answered_outside"),
        ({"error_code": "provider_error", "cites_right": True}, "failed"),
        ({"error_code": "provider_error", **OUTSIDE}, "failed"),
    ],
)
def test_verdict_says_what_became_of_a_question(fields: dict[str, Any], expected: Verdict) -> None:
    """A failure goes first, then the refusal, then what is cited; where that is unknown, the best five."""
    assert make_outcome(**fields).verdict == expected


def test_a_question_outside_has_no_rank() -> None:
    """Whatever is found, there is no right passage for a question that the documents do not answer."""
    assert make_outcome(rank=1, out_of_scope=True).rank is None


def test_figures_are_means_over_the_questions_they_are_about() -> None:
    """In-scope figures leave questions outside out, and the other way round."""
    outcomes = [
        make_outcome("a", rank=1, prompt_tokens=100, retrieval_ms=1.0),
        make_outcome("b", rank=4, answer="No idea."),
        make_outcome("c", rank=None, refused=True),
        make_outcome("d", **OUTSIDE, refused=True, near=True),
        make_outcome("e", **OUTSIDE, error_code="provider_error", completion_tokens=7, cost_usd=0.5),
    ]
    figures = measure(outcomes)
    assert (figures["questions"], figures["failed"]) == (5, 1)
    assert [figures[f"hit@{k}"] for k in (1, 3, 5)] == [0.333, 0.333, 0.667]
    assert figures["mrr@10"] == 0.417
    assert figures["answer_contains"] == 0.333
    assert (figures["refused_in_scope"], figures["refused_out_of_scope"]) == (0.333, 0.5)
    assert (figures["refused_near"], figures["refused_far"]) == (1, 0)
    assert (figures["prompt_tokens_mean"], figures["completion_tokens"], figures["cost_usd"]) == (100, 7, 0.5)
    assert set(measure_intervals(outcomes)) >= {"hit@5", "mrr@10", "refused_near"}


def test_a_set_without_questions_outside_has_no_figure_of_them() -> None:
    """What was not asked is null, or left out where only some sets have it, never nought."""
    figures = measure([make_outcome()])
    assert figures["refused_out_of_scope"] is None
    assert "refused_near" not in figures
    assert "refused_out_of_scope" not in measure_intervals([make_outcome()])


def test_dump_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Nothing that a comparison or a report shows is lost between two runs."""
    outcomes = [
        make_outcome(
            "a", cites_right=True, cited=(1, 3), model="m", index_version="i", total_ms=4, cost_usd=0.1
        ),
        make_outcome("b", rank=None, error_code="provider_error", error="It broke.", answer="a\u2028b"),
    ]
    dump = read_dump(write(tmp_path, outcomes), [outcome.question for outcome in outcomes])
    assert list(dump.outcomes) == outcomes
    assert (dump.unknown, dump.reworded) == (0, 0)


def test_dump_of_other_questions_is_counted(tmp_path: Path) -> None:
    """Rows of questions that are no more asked, and of those with another text, are said."""
    path = write(tmp_path, [make_outcome("a"), make_outcome("b")])
    today = make_outcome("a").question.model_copy(update={"question": "Another text?"})
    dump = read_dump(path, [today])
    assert ([outcome.question for outcome in dump.outcomes], dump.unknown, dump.reworded) == ([today], 1, 1)


def test_dump_of_another_program_is_taken(tmp_path: Path) -> None:
    """The four fields that the score apart reads are enough."""
    path = tmp_path / "dump.jsonl"
    path.write_text('{"id": "q", "refused": false, "answer": "", "passages": []}\n', encoding="utf-8")
    assert read_dump(path, [make_outcome().question]).outcomes[0].verdict == "not_found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no row"),
        ('{\n  "questions": 3\n}\n', "line 1.*--dump"),
        ('{"questions": 3}\n', "line 1: id: Field required.*--dump"),
        (
            '{"id": "q", "refused": false, "answer": "", "passages": []}\n' * 2,
            "line 2: the id 'q' stands twice",
        ),
    ],
)
def test_baseline_that_is_no_dump_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """A file of another kind, the JSON document of a run for one, is refused with what is wanted instead."""
    path = tmp_path / "dump.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=expected):
        read_dump(path, [make_outcome().question])


def write(folder: Path, outcomes: list[Outcome]) -> Path:
    """Write a dump."""
    path = folder / "dump.jsonl"
    with path.open("w", encoding="utf-8") as out:
        write_dump(outcomes, out)
    return path
