"""A turn that the team has answered before: marked, cited, free of charge, and honest about its age."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.answer import CHANGED_NOTES, CURATED
from chatbot.events import Event, Html, Reply, Sources, Started, Token
from chatbot.streaming import StopSignal
from tests.chatbot.conftest import ANSWERABLE, Counter, MakeCounter

FILE = """
- questions: ["How do I descale the kettle?", "Comment détartrer la bouilloire ?"]
  answer: |
    Boil **vinegar** in it [2], see https://team.io/tea. [7]
  sources: [en/install.md, en/troubleshooting.md#the-kettle-does-not-heat]
- questions: ["Which command?"]
  answer: |
    ```bash
    teapot doctor
    ```
  sources: [en/troubleshooting.md]
- questions: ["Who are you?"]
  answer: The team.
"""


@pytest.fixture
def counter(make_counter: MakeCounter, knowledge_folder: Path) -> Counter:
    """Give a conversation with curated answers, and one thread."""
    (knowledge_folder / "curated.yaml").write_text(FILE, encoding="utf-8")
    counter = make_counter()
    counter.add_thread()
    return counter


async def run(counter: Counter, text: str, language: str | None = None) -> list[Event]:
    """Ask, and give all events."""
    turn = await counter.conversation.open_turn(counter.ask(text, language=language))
    return [event async for event in counter.conversation.run_turn(turn, StopSignal())]


async def ask(counter: Counter, text: str, language: str | None = None) -> Reply:
    """Ask, and give the reply."""
    reply = (await run(counter, text, language))[-1]
    assert isinstance(reply, Reply)
    return reply


async def test_curated_answer_is_served_first(counter: Counter) -> None:
    """It comes as every answer does, marked as the team's, without the model; unknown numbers go, addresses stay."""
    events = await run(counter, "how do I descale the kettle")
    assert [type(event) for event in events] == [Started, Sources, Token, Html, Reply]
    reply = events[-1]
    assert isinstance(reply, Reply)
    assert reply.answer == ("**Answer by the team**\n\nBoil **vinegar** in it [2], see https://team.io/tea.")
    assert [(passage.number, passage.heading) for passage in reply.passages] == [
        (2, "Troubleshooting > The kettle does not heat")
    ]
    assert counter.model.prompts == []
    row = counter.list_messages()[1]
    assert (row.status, row.model, row.prompt_tokens, row.completion_tokens) == ("complete", CURATED, 0, 0)
    assert [passage.cited for passage in row.passages] == [False, True]


async def test_mark_is_in_the_readers_language(counter: Counter) -> None:
    """The mark is read by who asked, whatever language the answer is in."""
    reply = await ask(counter, "Comment détartrer la bouilloire ?", "fr")
    assert reply.answer.startswith("**Réponse de l'équipe**\n")


async def test_sources_are_cited_where_the_answer_marks_none(counter: Counter) -> None:
    """An answer without marks cites all of its sources at its end, and never within its code."""
    reply = await ask(counter, "Which command?")
    assert reply.answer.endswith("```\n\n[1]")
    assert [passage.source for passage in reply.passages] == ["en/troubleshooting.md"]
    assert (await ask(counter, "Who are you?")).answer == "**Answer by the team**\n\nThe team."


async def test_near_miss_is_answered_from_the_documents(counter: Counter) -> None:
    """Another question goes its usual way."""
    for question in ("How do I scale the kettle?", "Why do I descale the kettle?", ANSWERABLE):
        assert "Answer by the team" not in (await ask(counter, question)).answer


async def test_changed_source_is_told_to_the_reader(counter: Counter, knowledge_folder: Path) -> None:
    """The answer is still served when its source has changed, and says so."""
    await ask(counter, "How do I descale the kettle?")
    path = knowledge_folder / "en" / "troubleshooting.md"
    path.write_text(path.read_text(encoding="utf-8").replace("fuse", "plug"), encoding="utf-8")
    counter.conversation.knowledge.refresh()
    reply = await ask(counter, "How do I descale the kettle?")
    assert reply.status == "complete"
    assert reply.answer.endswith(f"\n\n*{CHANGED_NOTES['en']}*")
    assert "changed since it was written" in counter.conversation.curated.warnings[0]


async def test_known_question_is_known_within_a_thread_too(counter: Counter) -> None:
    """A wording that looks like a follow-up is the known question still, and no model rewrites it."""
    await ask(counter, ANSWERABLE)
    asked = len(counter.model.prompts)
    assert "The team." in (await ask(counter, "Who are you?")).answer
    assert len(counter.model.prompts) == asked


async def test_follow_up_is_matched_by_its_meaning(counter: Counter) -> None:
    """A follow-up that a model rewrote as a known question gets the team's answer; the call is counted."""
    await ask(counter, ANSWERABLE)
    counter.model.script = ["How do I descale the kettle?"]
    reply = await ask(counter, "and how is it descaled?")
    assert reply.answer.startswith("**Answer by the team**")
    row = counter.list_messages()[3]
    assert (row.model, row.prompt_tokens, row.completion_tokens) == (CURATED, 100, 7)
