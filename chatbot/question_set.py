"""Question sets: questions with what is known of their answers, and what a right passage and a right answer are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from chatbot.errors import UsageError
from chatbot.text import collapse_space


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage as it is judged: `file` relative to the knowledge folder, `text` without its breadcrumb."""

    file: str
    heading: str
    text: str
    score: float | None = None


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

    @model_validator(mode="after")
    def _know_the_gold(self) -> GoldQuestion:
        if not self.out_of_scope and not (self.gold_file and self.gold_heading):
            raise ValueError("gold_file and gold_heading are wanted where out_of_scope is not true")
        return self

    def is_right(self, passage: FoundPassage) -> bool:
        """Tell whether a passage is a right one: of the gold section, or with one of the snippets in it."""
        text = collapse_space(passage.text)
        snippets = (self.gold_snippet, *self.alt_snippets)
        if any(snippet and collapse_space(snippet) in text for snippet in snippets):
            return True
        heading = collapse_space(passage.heading)
        return passage.file == self.gold_file and heading == collapse_space(self.gold_heading)

    def is_answered_by(self, answer: str) -> bool:
        """Tell whether an answer's text holds what a right one does."""
        text = collapse_space(answer).lower()
        wanted: Sequence[str | None] = self.answers or (
            self.answer_key,
            self.gold_snippet,
            *self.alt_snippets,
        )
        return any(item and collapse_space(item).lower() in text for item in wanted)


def read_questions(path: Path) -> list[GoldQuestion]:
    """Read a question file: one JSON object per line.

    Raises:
        UsageError: the file cannot be read, holds nothing, or a line is wrong; it is named.
    """
    questions = []
    for number, line in read_lines(path, "--questions"):
        try:
            questions.append(GoldQuestion.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(f"--questions {path}, line {number}: {describe_fault(error)}.") from error
    if not questions:
        raise UsageError(f"--questions {path}: holds no question. Write one JSON object per line.")
    name, count = Counter(question.id for question in questions).most_common(1)[0]
    if count > 1:
        raise UsageError(
            f"--questions {path}: the id {name!r} stands {count} times. Give each question its own."
        )
    return questions


def read_lines(path: Path, option: str) -> list[tuple[int, str]]:
    """Give the lines of a file that are not blank, with their numbers from 1.

    Raises:
        UsageError: it cannot be read as UTF-8 text; `option` and path are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{option} {path}: is no UTF-8 text (byte {error.start}).") from error
    # Split at line feeds alone: U+2028 and others may stand in a JSON string.
    lines = enumerate(text.split("\n"), start=1)
    return [(number, line) for number, line in lines if line.strip()]


def describe_fault(error: ValidationError) -> str:
    """Give the first fault of a line in a few words."""
    fault = error.errors()[0]
    field = ".".join(map(str, fault["loc"])) or "line"
    return f"{field}: {fault['msg'].removeprefix('Value error, ')}"
