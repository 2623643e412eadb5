"""What a turn is answered from, with its thread and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.documents import Document

from chatbot.followups import StandaloneQuestion, expand_question
from chatbot.knowledge.retriever import Knowledge
from chatbot.retrieval import Found, find_passages, fuse_documents, make_standalone
from chatbot.streaming import StopSignal

INSTALL = "How do I install Teapot from a package?"


@pytest.fixture
def knowledge(knowledge_folder: Path, tmp_path: Path) -> Knowledge:
    """Give the small knowledge."""
    return Knowledge(knowledge_folder, tmp_path / "index")


async def find(knowledge: Knowledge, question: str, *earlier: str, language: str = "en") -> Found:
    """Find passages as an offline turn does."""
    history = [(asked, "An answer.") for asked in earlier]
    standalone, usage = await make_standalone(question, history, language, rewriter=None, signal=StopSignal())
    assert usage is None
    return await find_passages(knowledge, question, standalone, 3, default_language=language)


def read_best(found: Found) -> str:
    """Give the section of the best passage."""
    return str(found.documents[0].metadata["heading"])


async def test_follow_up_finds_what_it_means(knowledge: Knowledge) -> None:
    """The thread says what is to be done, the follow-up where: the section with both comes first."""
    found = await find(knowledge, "and with Docker?", INSTALL)
    assert (read_best(found), found.is_answerable) == ("Installing Teapot > Install with Docker", True)
    found = await find(knowledge, "et avec Docker ?", "Comment installer Teapot ?", language="fr")
    assert (read_best(found), found.is_answerable) == ("Installer Teapot > Installer avec Docker", True)


async def test_pronoun_finds_what_it_stands_for(knowledge: Knowledge) -> None:
    """A question whose only topic is a pronoun is answered from the topic's section."""
    found = await find(knowledge, "What is its default?", "What is WATER_TEMPERATURE?")
    assert read_best(found) == "Settings > Temperature"
    assert found.is_answerable


@pytest.mark.parametrize(
    ("question", "section"),
    [
        ("What does error 418 mean?", "Troubleshooting > Error 418"),
        ("And what does error 418 mean?", "Troubleshooting > Error 418"),
        ("coffee?", "Troubleshooting > Error 418"),
        ("Does it heat the kettle?", "Troubleshooting > The kettle does not heat"),
    ],
)
async def test_new_topic_is_not_dragged_back(knowledge: Knowledge, question: str, section: str) -> None:
    """A question about something else finds it, whether or not it looks like a follow-up."""
    found = await find(knowledge, question, INSTALL, "and with Docker?")
    assert (read_best(found), found.is_answerable) == (section, True)


async def test_thread_makes_no_answer_of_an_unknown_topic(knowledge: Knowledge) -> None:
    """What the documents know nothing about is refused, however well the thread's own words are found."""
    for question in ("and in Uruguay?", "What about the football championship?", "Thanks!"):
        assert not (await find(knowledge, question, INSTALL)).is_answerable


async def test_first_question_is_searched_as_it_is(knowledge: Knowledge) -> None:
    """Without a thread nothing is added, whatever the question looks like."""
    found = await find(knowledge, "and with Docker?")
    plain = knowledge.search("and with Docker?", k=3, default_language="en")
    assert found.documents == plain


async def test_rewritten_question_is_searched_alone(knowledge: Knowledge) -> None:
    """A question that stands alone is searched once, and judged by itself."""
    standalone = StandaloneQuestion("Who won the football championship of Uruguay?")
    found = await find_passages(knowledge, "and on Docker?", standalone, 3, default_language="en")
    assert not found.is_answerable


async def test_expansion_gives_as_many_as_were_asked_for(knowledge: Knowledge) -> None:
    """Fused or not, a turn gets its number of passages, ranked from 1."""
    question = "and with Docker?"
    found = await find_passages(
        knowledge, question, expand_question(question, [INSTALL]), 2, default_language="en"
    )
    assert [document.metadata["rank"] for document in found.documents] == [1, 2]


def test_fusion_prefers_what_both_found() -> None:
    """A passage that both rankings hold comes before one that leads a single one; none comes twice."""

    def document(name: str) -> Document:
        return Document(name, metadata={"passage_id": name, "score": 9.0, "rank": 7})

    fused = fuse_documents(
        [[document("a"), document("b"), document("c")], [document("d"), document("b"), document("c")]]
    )
    assert [found.page_content for found in fused] == ["b", "c", "a", "d"]
    assert [found.metadata["rank"] for found in fused] == [1, 2, 3, 4]
    scores = [found.metadata["score"] for found in fused]
    assert scores == sorted(scores, reverse=True)
