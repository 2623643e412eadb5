"""The search by meaning beside the one by words: built in the background, left alone while its service fails."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatbot.knowledge import embeddings, vectors
from chatbot.knowledge.embeddings import build_embedder
from chatbot.knowledge.meaning import MeaningSearch
from chatbot.knowledge.retriever import Knowledge
from chatbot.knowledge.vector_cache import VectorCache
from tests.conftest import MakeSettings
from tests.openai_server import OpenAIServer

# A language model of three meanings: words that share none of their letters mean the same.
MEANINGS = (
    ("heat", "fuse", "kettle", "warm", "cold"),
    ("docker", "container", "box"),
    ("coffee", "espresso"),
)
ASKED = "Why does my boiler stay cold?"
FOUND = "The kettle does not heat"


def embed_meanings(text: str) -> list[float]:
    """Embed a text by which meanings its words have."""
    words = re.findall(r"\w+", text.lower())
    return [0.01, *(float(sum(word in meaning for word in words)) for meaning in MEANINGS)]


Build = Callable[..., tuple[Knowledge, MeaningSearch]]


@pytest.fixture
def build(
    make_settings: MakeSettings,
    openai_server: OpenAIServer,
    knowledge_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Build]:
    """Give a builder of knowledge with a search by meaning that gives up soon and rests shortly."""
    openai_server.embed = embed_meanings
    monkeypatch.setattr(embeddings, "QUERY_DEADLINE_S", 5.0)
    made: list[MeaningSearch] = []

    def make(
        first_rest_s: float = 0.05, model: str = "openai:any", batch_size: int = 32
    ) -> tuple[Knowledge, MeaningSearch]:
        embedder = build_embedder(make_settings(embedding_model=model, openai_base_url=openai_server.url))
        assert embedder is not None
        embedder._query_deadline_s = 5.0
        embedder._batch_size = batch_size
        embedder._retry_deadline_s = 0.1
        embedder._first_pause_s = 0.02
        cache = VectorCache(tmp_path / "cache", embedder.version)
        made.append(MeaningSearch(embedder, cache, first_rest_s=first_rest_s, longest_rest_s=first_rest_s))
        return Knowledge(knowledge_folder, tmp_path / "cache", meaning=made[-1], patience_s=10), made[-1]

    yield make
    for meaning in made:
        meaning.close()


def find_headings(knowledge: Knowledge, question: str = ASKED) -> list[str]:
    """Search, and give the last heading of each passage found."""
    return [document.metadata["heading"].rpartition(" > ")[2] for document in knowledge.search(question)]


def wait_until(is_done: Callable[[], bool]) -> None:
    """Wait for the background, at most ten seconds."""
    end = time.monotonic() + 10
    while not is_done():
        assert time.monotonic() < end, "the background did not get there"
        time.sleep(0.01)


def test_passage_without_a_word_of_the_question_is_found(build: Build) -> None:
    """What is said in other words is found by meaning; by words alone it is not."""
    knowledge, meaning = build()
    knowledge.refresh()
    assert meaning.settle(10)
    assert find_headings(knowledge)[0] == FOUND
    assert knowledge.warnings == ()


def test_answers_do_not_wait_for_embeddings(build: Build, openai_server: OpenAIServer) -> None:
    """While a service hangs the index is there, and questions are answered by their words."""
    openai_server.fail_embeddings(fault="hang", times=50)
    knowledge, _ = build()
    assert knowledge.refresh()
    assert find_headings(knowledge, "How do I start the container with Docker?")[0] == "Install with Docker"
    assert all(ASKED not in texts for texts in openai_server.embedded)
    # What hangs is let go, so that nobody waits for its end.
    openai_server.close()


def test_next_start_embeds_nothing(build: Build, openai_server: OpenAIServer) -> None:
    """Vectors outlive the process: the next one embeds the question alone, and finds the same."""
    knowledge, meaning = build()
    knowledge.refresh()
    meaning.settle(10)
    first = find_headings(knowledge)
    sent = len(openai_server.embedded)
    again, meaning = build()
    again.refresh()
    meaning.settle(10)
    assert find_headings(again) == first
    assert openai_server.embedded[sent:] == [[ASKED]]


def test_changed_passage_alone_is_embedded_again(
    build: Build, openai_server: OpenAIServer, knowledge_folder: Path
) -> None:
    """An edit costs the passages that it touches, not the document."""
    knowledge, meaning = build()
    knowledge.refresh()
    meaning.settle(10)
    sent = len(openai_server.embedded)
    page = knowledge_folder / "en" / "troubleshooting.md"
    page.write_text(
        page.read_text(encoding="utf-8").replace("ask for tea", "ask for cocoa"), encoding="utf-8"
    )
    knowledge.refresh()
    meaning.settle(10)
    (texts,) = openai_server.embedded[sent:]
    assert len(texts) == 1
    assert "cocoa" in texts[0]


def test_other_model_embeds_anew(build: Build, openai_server: OpenAIServer) -> None:
    """Vectors of one model are never compared to a question's by another."""
    for model in ("openai:any", "openai:other"):
        knowledge, meaning = build(model=model)
        knowledge.refresh()
        meaning.settle(10)
    first, second = openai_server.embedded
    assert first == second


def test_same_question_is_embedded_once(build: Build, openai_server: OpenAIServer) -> None:
    """A question's vector is kept for a while: it may be searched in several languages, and asked again."""
    knowledge, meaning = build()
    knowledge.refresh()
    meaning.settle(10)
    knowledge.search(ASKED)
    knowledge.search(ASKED)
    assert openai_server.embedded.count([ASKED]) == 1


def test_failing_service_is_named_once_and_comes_back(
    build: Build, openai_server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is in the warnings and, once, in the log; passages are embedded when it is over, by themselves."""
    caplog.set_level(logging.INFO)
    openai_server.fail_embeddings(500, times=10_000)
    knowledge, meaning = build()
    knowledge.refresh()
    assert meaning.settle(10)
    assert any("out of order (500)" in warning for warning in knowledge.warnings)
    assert find_headings(knowledge, "What does error 418 mean?")[0] == "Error 418"
    wait_until(lambda: len(openai_server.embedded) > 12)
    assert caplog.text.count("Passages cannot be embedded") == 1
    openai_server.mend_embeddings()
    wait_until(lambda: knowledge.warnings == ())
    assert "works again" in caplog.text
    assert find_headings(knowledge)[0] == FOUND


def test_question_that_cannot_be_embedded_is_answered_by_words(
    build: Build, openai_server: OpenAIServer
) -> None:
    """A service that fails on a question costs that question nothing but the meaning, and rests for a while."""
    knowledge, meaning = build(first_rest_s=3600)
    knowledge.refresh()
    meaning.settle(10)
    openai_server.fail_embeddings(401)
    assert find_headings(knowledge, "What does error 418 mean?")[0] == "Error 418"
    assert any("refused the key (401)" in warning for warning in knowledge.warnings)
    asked = len(openai_server.embedded)
    knowledge.search(ASKED)
    assert len(openai_server.embedded) == asked


def test_service_is_asked_again_after_its_rest(build: Build, openai_server: OpenAIServer) -> None:
    """After the rest the next question tries the service, and the outage is over when that succeeds."""
    knowledge, meaning = build(first_rest_s=0.01)
    knowledge.refresh()
    meaning.settle(10)
    openai_server.fail_embeddings(500)
    knowledge.search("What does error 418 mean?")
    assert knowledge.warnings
    time.sleep(0.02)
    assert find_headings(knowledge)[0] == FOUND
    assert knowledge.warnings == ()


def test_server_with_another_model_under_the_same_name(build: Build, openai_server: OpenAIServer) -> None:
    """Vectors of a new length are noticed, and everything is embedded again."""
    knowledge, meaning = build()
    knowledge.refresh()
    meaning.settle(10)
    openai_server.embed = lambda text: [*embed_meanings(text), 0.5]
    knowledge.search(ASKED)
    assert meaning.settle(10)
    assert find_headings(knowledge)[0] == FOUND
    assert len(openai_server.embedded[-1]) > 1 or openai_server.embedded[-1] == [ASKED]


def test_what_was_embedded_before_a_failure_is_kept(
    build: Build, openai_server: OpenAIServer, knowledge_folder: Path
) -> None:
    """A build that breaks off goes on where it stopped, even after a new start."""
    page = "\n\n".join(f"## Part {n}\n\nThe part number {n} has a text of its own." for n in range(40))
    (knowledge_folder / "en" / "many.md").write_text(f"# Many\n\n{page}\n", encoding="utf-8")
    openai_server.fail_embeddings(delay_s=0)
    openai_server.fail_embeddings(401, times=10_000)
    knowledge, meaning = build(first_rest_s=3600, batch_size=2)
    knowledge.refresh()
    meaning.settle(10)
    kept = openai_server.embedded[0]
    meaning.close()
    openai_server.mend_embeddings()
    again, meaning = build()
    again.refresh()
    meaning.settle(10)
    sent = [text for texts in openai_server.embedded[2:] for text in texts]
    assert sent
    assert not set(kept) & set(sent)


def test_progress_is_told(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits hears how many texts of how many are done, up to all of them."""
    monkeypatch.setattr(vectors, "PART", 60)
    knowledge, meaning = build()
    told: list[tuple[int, int]] = []
    meaning._progress = lambda done, total: told.append((done, total))
    knowledge.refresh()
    meaning.settle(10, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
