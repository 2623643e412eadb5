"""Knowledge: a folder that is searched, watched, and judged to answer or not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.errors import SettingsError
from chatbot.knowledge import library as library_module
from chatbot.knowledge import retriever as retriever_module
from chatbot.knowledge.passages import Passage, make_passages
from chatbot.knowledge.retriever import Knowledge

BANS = """# Bans

## Lifting a ban

Use `bwcli unban 1.2.3.4` to lift a ban at once.

## Duration

A ban lasts one day.
"""
PORTS = "# Ports\n\nThe service listens on port 8080; `HTTP_PORT` changes it.\n"
BANS_FR = "# Bannissements\n\nLa commande `bwcli unban` lève un bannissement avant son terme.\n"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for name, text in {"en/bans.md": BANS, "en/guide/ports.md": PORTS, "fr/bans.md": BANS_FR}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def knowledge(folder: Path, tmp_path: Path, clock: Clock) -> Knowledge:
    return Knowledge(folder, tmp_path / "cache", clock=clock, patience_s=30)


def sources(knowledge: Knowledge, question: str) -> list[str]:
    return [document.metadata["source"] for document in knowledge.search(question)]


def test_a_passage_comes_with_all_that_a_citation_needs(knowledge: Knowledge) -> None:
    """The best passage of the question's language, its text without breadcrumb, and where it stands."""
    best = knowledge.search("How do I lift a ban?")[0]
    assert best.page_content == "Use `bwcli unban 1.2.3.4` to lift a ban at once."
    assert best.id == best.metadata["passage_id"]
    expected = {
        "source": "en/bans.md",
        "title": "Bans",
        "heading": "Bans > Lifting a ban",
        "breadcrumb": "Bans > Lifting a ban",
        "anchor": "lifting-a-ban",
        "language": "en",
        "rank": 1,
    }
    assert expected.items() <= best.metadata.items()
    assert best.metadata["score"] > 0


def test_langchain_reads_it_as_a_retriever(knowledge: Knowledge) -> None:
    """`invoke` gives the same documents as `search`, at most `k`."""
    found = knowledge.make_retriever(k=1).invoke("How do I lift a ban?")
    assert found == knowledge.search("How do I lift a ban?", k=1)
    assert len(found) == 1


async def test_langchain_reads_it_without_blocking_too(knowledge: Knowledge) -> None:
    """`ainvoke` gives the same documents."""
    assert await knowledge.make_retriever().ainvoke("lift a ban") == knowledge.search("lift a ban")


def test_the_questions_language_comes_first(knowledge: Knowledge) -> None:
    """A question in French is answered from French documents where they answer."""
    assert sources(knowledge, "Comment lever un bannissement ?") == ["fr/bans.md"]


def test_another_language_helps_out_where_nothing_is_relevant(knowledge: Knowledge) -> None:
    """An identifier that only the English documents have is found from a question in French."""
    found = knowledge.search("Que fait le réglage HTTP_PORT ?")
    assert found[0].metadata["source"] == "en/guide/ports.md"


def test_what_is_nearest_to_a_refused_question_is_of_its_own_language(folder: Path, tmp_path: Path) -> None:
    """Sections of another language are no help where they do not answer; none at all is better than noise."""
    (folder / "fr/capitale.md").write_text(
        "# Ports\n\nLe capital is what the service a coûté.", encoding="utf-8"
    )
    knowledge = Knowledge(folder, tmp_path / "cache")
    assert knowledge.search("What is the capital of Mongolia?") == []
    nearest = knowledge.search("Where is the service of the capital of Mongolia?")
    assert [document.metadata["language"] for document in nearest] == ["en"]


def test_documents_of_one_language_give_the_nearest_for_any(tmp_path: Path) -> None:
    """Where the question's own language has no documents, those there are come nearest, by names and translations."""
    (tmp_path / "docs/en").mkdir(parents=True)
    (tmp_path / "docs/en/bans.md").write_text(BANS, encoding="utf-8")
    knowledge = Knowledge(tmp_path / "docs", tmp_path / "cache")
    question = "Comment configurer la durée maximale de `bwcli` on sait où ?"
    assert not knowledge.is_answerable(question, knowledge.search(question))
    assert [document.metadata["heading"] for document in knowledge.search(question)] == [
        "Bans > Lifting a ban",
        "Bans > Duration",
    ]


def test_a_question_without_language_takes_the_given_one(knowledge: Knowledge) -> None:
    """An identifier alone is sought in the reader's language."""
    assert knowledge.search("`bwcli`", default_language="en")[0].metadata["language"] == "en"
    assert knowledge.search("`bwcli`", default_language="fr")[0].metadata["language"] == "fr"


@pytest.mark.parametrize(
    "question", ["How do I lift a ban?", "HTTP_PORT", "Which port does the service listen on?"]
)
def test_a_question_that_a_passage_covers_is_answerable(knowledge: Knowledge, question: str) -> None:
    """A passage that holds most of what is asked answers."""
    assert knowledge.is_answerable(question, knowledge.search(question))


@pytest.mark.parametrize(
    "question", ["How do I bake sourdough bread at home?", "Who won the cup?", "the", "¿"]
)
def test_a_question_that_nothing_covers_is_not_answerable(knowledge: Knowledge, question: str) -> None:
    """Unknown words, or none at all, are not answered; the decision is the same each time."""
    assert not knowledge.is_answerable(question, knowledge.search(question))


def test_a_name_that_no_document_knows_makes_a_refusal_likelier(knowledge: Knowledge) -> None:
    """Most of the words are enough for an answer, but not where another is the name of something unknown."""
    for question, is_answered in {
        "Can a ban be lifted from visitors?": True,
        "Can a ban be lifted from Keycloak?": False,
    }.items():
        assert knowledge.is_answerable(question, knowledge.search(question)) is is_answered


def test_nothing_found_is_not_answerable(knowledge: Knowledge) -> None:
    """No passage, no answer."""
    assert not knowledge.is_answerable("How do I lift a ban?", [])


def test_an_edit_is_in_the_answers_once_the_folder_is_looked_at(
    knowledge: Knowledge, folder: Path, clock: Clock
) -> None:
    """A changed, an added and a removed file show after the poll interval, and the version changes with them."""
    before = knowledge.index_version
    (folder / "en/bans.md").write_text(BANS.replace("one day", "one fortnight"), encoding="utf-8")
    (folder / "en/new.md").write_text("# Quokkas\n\nA quokka tells of each ban.", encoding="utf-8")
    (folder / "en/guide/ports.md").unlink()
    assert sources(knowledge, "quokka") == []
    clock.now += 2
    assert sources(knowledge, "quokka") == ["en/new.md"]
    assert "fortnight" in knowledge.search("How long does a ban last? fortnight")[0].page_content
    assert sources(knowledge, "HTTP_PORT") == []
    assert knowledge.index_version != before


def test_the_same_contents_have_the_same_version(knowledge: Knowledge, folder: Path, clock: Clock) -> None:
    """A file that is only touched changes nothing."""
    before = knowledge.index
    (folder / "en/bans.md").write_text(BANS, encoding="utf-8")
    clock.now += 2
    knowledge.search("ban")
    assert knowledge.index is before


def test_queries_keep_the_old_index_until_the_new_one_is_ready(
    folder: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query does not wait for a long rebuild, and a later one meets its result."""
    knowledge = Knowledge(folder, tmp_path / "cache", clock=clock, patience_s=0)
    assert sources(knowledge, "quokka") == []

    def make_slowly(text: str, source: str, language: str | None = None) -> list[Passage]:
        time.sleep(0.5)
        return make_passages(text, source, language)

    monkeypatch.setattr(library_module, "make_passages", make_slowly)
    (folder / "en/new.md").write_text("# Quokkas\n\nA quokka tells of each ban.", encoding="utf-8")
    clock.now += 2
    started_at = time.monotonic()
    assert sources(knowledge, "quokka") == []
    assert time.monotonic() - started_at < 0.4
    assert wait_for(lambda: sources(knowledge, "quokka") == ["en/new.md"])


def test_a_watched_folder_is_followed_without_a_query(folder: Path, tmp_path: Path) -> None:
    """The watching thread renews the index by itself, until it is stopped."""
    knowledge = Knowledge(folder, tmp_path / "cache", poll_interval_s=0.05, patience_s=5)
    before = knowledge.index_version
    knowledge.start_watching()
    try:
        (folder / "en/bans.md").unlink()
        assert wait_for(lambda: knowledge.index_version != before)
    finally:
        knowledge.stop_watching()


def test_unchanged_contents_are_not_indexed_twice(
    knowledge: Knowledge, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start reads what the last one kept."""
    kept = knowledge.index

    def refuse(*_: object) -> None:
        raise AssertionError("the index was built again")

    monkeypatch.setattr(retriever_module, "build_index", refuse)
    again = Knowledge(folder, tmp_path / "cache")
    assert again.index.passages == kept.passages
    assert again.index_version == kept.version


def test_documents_that_cannot_be_read_are_named_and_the_others_indexed(
    knowledge: Knowledge, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Empty, binary, wrongly encoded and vanished files each get one warning with a reason."""
    (folder / "empty.md").write_text(" \n\u200b")
    (folder / "binary.md").write_bytes(b"# T\n\x00\x01")
    (folder / "latin.md").write_bytes("# Été".encode("latin-1"))
    (folder / "dangling.md").symlink_to(folder / "nowhere.md")
    with caplog.at_level(logging.WARNING):
        assert sources(knowledge, "How do I lift a ban?")[0] == "en/bans.md"
    warnings = "\n".join(knowledge.warnings)
    for name, reason in {
        "empty.md": "empty",
        "binary.md": "binary",
        "latin.md": "UTF-8",
        "dangling.md": "cannot be read",
    }.items():
        line = next(line for line in warnings.split("\n") if line.startswith(name))
        assert reason in line
        assert line in caplog.text


def test_a_document_without_text_is_named(knowledge: Knowledge, folder: Path, clock: Clock) -> None:
    """Nothing can be found in a title alone, so the operator is told; with a text the warning goes."""
    (folder / "fr/todo.md").write_text("# À écrire\n\n## Plus tard\n", encoding="utf-8")
    assert knowledge.stats.documents == 3
    assert [line.split()[0] for line in knowledge.warnings] == ["fr/todo.md"]
    (folder / "fr/todo.md").write_text("# À écrire\n\nVoilà.", encoding="utf-8")
    clock.now += 2
    knowledge.search("ban")
    assert knowledge.warnings == ()


def test_a_folder_of_titles_alone_warns_as_an_empty_one(tmp_path: Path) -> None:
    """An index without passages answers nothing, whether or not it was read from disk."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("# Title")
    for _ in range(2):
        knowledge = Knowledge(tmp_path / "docs", tmp_path / "cache")
        assert knowledge.stats.passages == 0
        assert [line.split()[0].split("=")[0] for line in knowledge.warnings] == ["a.md", "KNOWLEDGE_DIR"]


def test_a_document_too_big_is_named(
    knowledge: Knowledge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A huge file costs a warning, not the memory."""
    monkeypatch.setattr("chatbot.knowledge.documents.MAX_DOCUMENT_BYTES", 200)
    (folder / "huge.md").write_text("word " * 100)
    assert knowledge.index.stats.documents == 3
    assert [line.split()[0] for line in knowledge.warnings] == ["huge.md"]


def test_a_file_mended_later_is_taken_up(knowledge: Knowledge, folder: Path, clock: Clock) -> None:
    """A half-written document is left out until it is whole."""
    (folder / "en/new.md").write_bytes("# Webhooks\n\nÀ".encode()[:-1])
    assert sources(knowledge, "quokka") == []
    (folder / "en/new.md").write_text("# Quokkas\n\nA quokka tells of each ban.", encoding="utf-8")
    clock.now += 2
    assert sources(knowledge, "quokka") == ["en/new.md"]
    assert knowledge.warnings == ()


def test_hidden_and_other_files_are_no_documents(knowledge: Knowledge, folder: Path) -> None:
    """Pictures, hidden files, licences and lists of requirements are not read."""
    (folder / ".git").mkdir()
    for name in (".git/a.md", ".hidden.md", "LICENSE.txt", "image.png", "requirements-dev.txt"):
        (folder / name).write_text("# Webhooks")
    assert knowledge.stats.documents == 3


def test_a_link_to_its_own_folder_is_no_loop(knowledge: Knowledge, folder: Path) -> None:
    """Linked folders are followed, each once."""
    (folder / "loop").symlink_to(folder)
    assert knowledge.stats.documents == 3


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_wrong_folder_names_the_setting(tmp_path: Path, kind: str) -> None:
    """KNOWLEDGE_DIR is named with its value and what is wrong."""
    folder = tmp_path / "docs"
    if kind == "file":
        folder.write_text("")
    with pytest.raises(SettingsError, match="KNOWLEDGE_DIR") as caught:
        Knowledge(folder, tmp_path / "cache").refresh()
    assert str(folder) in caught.value.faults[0]


def test_an_empty_folder_warns_and_finds_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new folder is not an error; the warning tells why nothing is answered."""
    (tmp_path / "docs").mkdir()
    knowledge = Knowledge(tmp_path / "docs", tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        assert knowledge.search("How do I lift a ban?") == []
    assert "KNOWLEDGE_DIR" in caplog.text
    assert knowledge.stats.passages == 0


@pytest.mark.parametrize("question", ["vinegar", "At which temperature does the kettle boil?"])
def test_the_first_page_of_a_new_folder_is_answered_from(tmp_path: Path, question: str) -> None:
    """Newcomers begin with one short page: how rare a word is can hardly be told from it."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/kettle.md").write_text(
        "# Kettle\n\n## Boil\n\nThe kettle boils at 97 degrees.\n\n## Clean\n\nClean it with vinegar.\n"
    )
    knowledge = Knowledge(tmp_path / "docs", tmp_path / "cache")
    assert knowledge.is_answerable(question, knowledge.search(question))


def test_a_folder_that_disappears_leaves_the_last_index(
    knowledge: Knowledge, folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A volume unmounted for a moment does not silence the bot."""
    knowledge.refresh()
    folder.rename(folder.with_name("away"))
    clock.now += 2
    assert sources(knowledge, "HTTP_PORT") == ["en/guide/ports.md"]
    assert "cannot be refreshed" in caplog.text


def wait_for(is_done: Callable[[], bool], deadline_s: float = 20) -> bool:
    """Look again and again until something is so, or the deadline has passed."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if is_done():
            return True
        time.sleep(0.02)
    return False
