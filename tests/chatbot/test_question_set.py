"""Question sets: what a line may say, and what a right passage and a right answer are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chatbot.errors import UsageError
from chatbot.knowledge.retriever import Knowledge
from chatbot.question_set import FoundPassage, GoldQuestion, read_questions
from tests.conftest import ROOT

OUTSIDE = '{"id": "a", "lang": "en", "question": "b", "out_of_scope": true}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no question"),
        ('{"id": "a", "lang": "en", "out_of_scope": true}\n', "line 1: question"),
        (f"{OUTSIDE}\nnot json\n", "line 3"),
        ('{"id": "a", "lang": "en", "question": "b"}\n', "line 1: line: gold_file and gold_heading"),
        (OUTSIDE * 2, "the id 'a' stands 2 times"),
        ("[]\n", "line 1"),
    ],
)
def test_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """A question file that cannot be used says where and why."""
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=expected):
        read_questions(path)


def test_file_that_is_no_text_is_wrong_usage(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are named, not decoded by guessing."""
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"id": "\xff"}')
    with pytest.raises(UsageError, match="no UTF-8 text"):
        read_questions(path)


def test_line_separators_within_a_question_end_no_line(tmp_path: Path) -> None:
    """Only a line feed ends a line: JSON strings may hold the others."""
    path = tmp_path / "questions.jsonl"
    line = {"id": "a", "lang": "en", "question": "one\u2028two\x85three", "out_of_scope": True}
    path.write_text(json.dumps(line, ensure_ascii=False), encoding="utf-8")
    assert [question.question for question in read_questions(path)] == ["one\u2028two\x85three"]


@pytest.mark.parametrize(
    ("passage", "source", "heading", "expected"),
    [
        ("anything", "a.md", "A >  B", True),
        ("anything", "b.md", "A > B", False),
        ("the gold\n  snippet is here", "b.md", "X", True),
        ("another one", "b.md", "X", True),
        ("nothing of it", "a.md", "A", False),
    ],
)
def test_passage_is_right_by_section_or_by_snippet(
    passage: str, source: str, heading: str, expected: bool
) -> None:
    """Its file and heading are the gold ones, or a snippet is in it, whatever the white space."""
    question = GoldQuestion(
        id="q",
        lang="en",
        question="?",
        gold_file="a.md",
        gold_heading="A > B",
        gold_snippet="gold snippet",
        alt_snippets=["another"],
    )
    assert question.is_right(FoundPassage(source, heading, passage)) is expected


@pytest.mark.parametrize(
    ("known", "answer", "expected"),
    [
        ({"answers": ["Forty  Two"]}, "It is forty\ntwo.", True),
        ({"answers": ["42"], "answer_key": "forty"}, "It is forty.", False),
        ({"answer_key": "forty"}, "It is FORTY.", True),
        ({"gold_snippet": "is forty"}, "It is forty.", True),
        ({"alt_snippets": ["forty."]}, "It is forty.", True),
        ({}, "It is forty.", False),
    ],
)
def test_answer_is_right_by_what_is_known_of_it(
    known: dict[str, object], answer: str, expected: bool
) -> None:
    """Accepted answers go before key and snippets; case and white space do not count."""
    question = GoldQuestion.model_validate(
        {"id": "q", "lang": "en", "question": "?", "gold_file": "a", "gold_heading": "A", **known}
    )
    assert question.is_answered_by(answer) is expected


@pytest.mark.parametrize(
    "page", ["docs/evaluation.md", "data/knowledge/en/evaluation.md", "data/knowledge/fr/evaluation.md"]
)
def test_examples_of_the_documentation_are_questions_with_their_gold(tmp_path: Path, page: str) -> None:
    """Each example line is one that is taken, and its gold is a section of the documentation that ships."""
    blocks = re.findall(
        r"^```json\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(blocks), encoding="utf-8")
    knowledge = Knowledge(ROOT / "data" / "knowledge", tmp_path / "index")
    knowledge.refresh()
    questions = read_questions(path)
    assert questions
    sections = {(passage.source, passage.heading): passage.text for passage in knowledge.index.passages}
    for question in questions:
        if not question.out_of_scope:
            assert question.is_answered_by(sections[(question.gold_file, question.gold_heading)])
