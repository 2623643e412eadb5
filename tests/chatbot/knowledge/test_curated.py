"""Curated answers: found by their wordings alone, read again when they change, and aware of their sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.knowledge.curated import CuratedAnswer, CuratedAnswers, read_curated
from chatbot.knowledge.retriever import Knowledge

FILE = """
- questions:
    - How do I descale the kettle?
    - How can limescale be removed?
  answer: Boil vinegar in it, then rinse. [1]
  sources: [en/troubleshooting.md#the-kettle-does-not-heat]
  author: Ada
  date: 2025-03-01
- questions: ["Comment détartrer la bouilloire ?"]
  language: fr
  answer: Faites bouillir du vinaigre.
"""

MakeCurated = Callable[[], CuratedAnswers]


@pytest.fixture
def write(knowledge_folder: Path) -> Callable[[str], None]:
    """Give a writer of the file, whose time is another each time."""
    path = knowledge_folder / "curated.yaml"
    written = 0

    def write(text: str) -> None:
        nonlocal written
        written += 1
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(written * 10**9, written * 10**9))

    return write


@pytest.fixture
def knowledge(knowledge_folder: Path, tmp_path: Path) -> Knowledge:
    """Give the small knowledge."""
    return Knowledge(knowledge_folder, tmp_path / "index")


@pytest.fixture
def curated(knowledge: Knowledge, tmp_path: Path) -> CuratedAnswers:
    """Give the curated answers of the small knowledge."""
    return CuratedAnswers(knowledge, tmp_path / "private")


def edit(knowledge: Knowledge, source: str, old: str, new: str) -> None:
    """Change a document, and have it indexed."""
    path = knowledge.folder / source
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert knowledge.refresh()


def test_each_wording_finds_the_answer(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """Every wording of an answer finds it, with the first passage of its source; another question does not."""
    write(FILE)
    for question in ("how do i descale the kettle", "How can limescale be removed?"):
        hit = curated.find(question, "en")
        assert hit
        assert hit.answer.author == "Ada"
        assert [passage.heading for passage in hit.passages if passage] == [
            "Troubleshooting > The kettle does not heat"
        ]
        assert hit.changed == ()
    assert curated.find("How do I scale the kettle?", "en") is None
    assert curated.find("How do I descale the kettle with lemon?", "en") is None
    assert curated.warnings == ()


def test_readers_language_comes_first(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """Of answers to the same wording the one in the reader's language is given, else the first."""
    write(
        "- {questions: ['Docker?'], answer: Dog, language: en}\n- {questions: ['Docker?'], answer: Chien, language: fr}"
    )
    assert [hit.answer.answer for language in ("en", "fr") if (hit := curated.find("docker", language))] == [
        "Dog",
        "Chien",
    ]


def test_wordings_of_two_languages_stand_in_one_answer(
    curated: CuratedAnswers, write: Callable[[str], None]
) -> None:
    """Each wording is compared by the grammar of its own language."""
    write(FILE.replace("How can limescale be removed?", "Comment détartrer la théière ?"))
    assert curated.find("how can I descale a kettle", "en")
    assert curated.find("Comment puis-je détartrer une théière ?", "fr")


def test_without_a_file_nothing_is_curated(curated: CuratedAnswers) -> None:
    """Most folders have no such file, and that is no fault."""
    assert curated.find("How do I descale the kettle?", "en") is None
    assert (curated.warnings, curated.list_all()) == ((), ())


def test_what_was_read_is_known_until_it_changes(
    knowledge: Knowledge, curated: CuratedAnswers, write: Callable[[str], None]
) -> None:
    """Read before, it need not be read again; a changed file and a changed source have to be."""
    write(FILE)
    assert not curated.is_read()
    curated.find("How do I descale the kettle?", "en")
    assert curated.is_read()
    edit(knowledge, "en/troubleshooting.md", "kettle", "pot")
    assert not curated.is_read()
    curated.find("How do I descale the kettle?", "en")
    assert curated.is_read()
    write(FILE + "\n")
    assert not curated.is_read()


def test_edited_file_is_in_force_at_once(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """An answer added, changed or taken away counts from the next question on."""
    assert curated.find("Docker?", "en") is None
    write("- {questions: ['Docker?'], answer: One}")
    assert (hit := curated.find("Docker?", "en")) and hit.answer.answer == "One"
    write("- {questions: ['Docker?'], answer: Two}")
    assert (hit := curated.find("Docker?", "en")) and hit.answer.answer == "Two"
    curated.path.unlink()
    assert curated.find("Docker?", "en") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- questions: [a\n  answer: b", "line 2"),
        ("- {questions: [a], answer: ''}", "answer 1, answer"),
        ("- {questions: [a], answer: b}\n- {questions: [], answer: b}", "answer 2, questions"),
        ("- {questions: [a], answer: b, langage: en}", "answer 1, langage"),
        ("- {questions: [a], answer: b, date: soon}", "answer 1, date"),
        ("- just words", "answer 1, entry"),
        ("questions: [a]", "a list of answers is expected"),
        ("- \x07", "not YAML"),
    ],
)
def test_broken_file_leaves_the_last_good_one_in_force(
    curated: CuratedAnswers, write: Callable[[str], None], text: str, told: str
) -> None:
    """A fault is told with its line, or its answer and field; what was read before is still served."""
    write(FILE)
    assert curated.find("How do I descale the kettle?", "en")
    write(text)
    assert curated.find("How do I descale the kettle?", "en")
    [warning] = curated.warnings
    assert warning.startswith(f"curated.yaml: {told}")
    assert warning.endswith("the answers read before stay in use.")
    write(FILE)
    assert curated.warnings == ()


def test_file_that_is_no_text_is_named(curated: CuratedAnswers) -> None:
    """Bytes that are not UTF-8, or too many of them, are a fault of the file, not of the service."""
    for content, told in (
        (b"- \xff", "byte 2 is not UTF-8"),
        (b"#" * 2_000_001, "more than 2,000,000 bytes"),
    ):
        curated.path.write_bytes(content)
        with pytest.raises(ValueError, match=told):
            read_curated(curated.path)


def test_changed_source_is_told(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """When the section of a source changes the answer says so, until it gets a new date; others do not count."""
    write(FILE)
    assert curated.warnings == ()
    knowledge = curated._knowledge
    edit(knowledge, "en/troubleshooting.md", "Teapot refuses coffee", "Teapot declines coffee")
    assert (hit := curated.find("How do I descale the kettle?", "en")) and hit.changed == ()
    edit(knowledge, "en/troubleshooting.md", "Check the fuse first", "Check the plug first")
    assert (hit := curated.find("How do I descale the kettle?", "en"))
    assert hit.changed == ("en/troubleshooting.md#the-kettle-does-not-heat",)
    [warning] = curated.warnings
    assert (
        "answer 1 ('How do I descale the kettle?'): changed since it was written: en/troubleshooting"
        in warning
    )
    write(FILE.replace("2025-03-01", "2025-04-01"))
    assert (hit := curated.find("How do I descale the kettle?", "en")) and hit.changed == ()


def test_change_is_told_after_a_restart_too(
    knowledge: Knowledge, tmp_path: Path, write: Callable[[str], None]
) -> None:
    """What the sources were at first sight is kept on disk."""
    write(FILE)
    assert CuratedAnswers(knowledge, tmp_path / "private").warnings == ()
    edit(knowledge, "en/troubleshooting.md", "Check the fuse first", "Check the plug first")
    assert len(CuratedAnswers(knowledge, tmp_path / "private").warnings) == 1
    assert CuratedAnswers(knowledge, tmp_path / "elsewhere").warnings == ()


def test_white_space_is_no_change(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """A source that says the same words in other lines has not changed."""
    write(FILE)
    assert curated.warnings == ()
    edit(curated._knowledge, "en/troubleshooting.md", "first, then run", "first,\nthen run")
    assert curated.warnings == ()


def test_source_that_is_gone_is_told(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """A source that is not there is named, and is no passage; one that was there has changed."""
    write(FILE.replace("[en/trouble", "[en/nowhere.md, en/trouble"))
    [warning] = curated.warnings
    assert "not among the documents: en/nowhere.md" in warning
    assert (hit := curated.find("How do I descale the kettle?", "en"))
    assert ([bool(passage) for passage in hit.passages], hit.changed) == ([False, True], ())
    edit(curated._knowledge, "en/troubleshooting.md", "## The kettle does not heat", "## Cold kettle")
    assert (hit := curated.find("How do I descale the kettle?", "en"))
    assert hit.changed == ("en/troubleshooting.md#the-kettle-does-not-heat",)


def test_checked_in_the_file_wins(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """An answer that names what its sources were needs no memory of this machine's."""
    write(FILE.replace("author: Ada", "checked: '000000000000'"))
    [warning] = curated.warnings
    value = warning.rpartition("set its checked to ")[2].strip('".')
    write(FILE.replace("author: Ada", f"checked: '{value}'"))
    assert curated.warnings == ()


def test_saved_answers_are_read_back(curated: CuratedAnswers, write: Callable[[str], None]) -> None:
    """What is saved is what is listed, whole, and the file of before is replaced at once."""
    write(FILE)
    answers = [*curated.list_all(), CuratedAnswer(questions=["Où ?"], answer="Là.\n\n```\n- a: [1]\n```")]
    curated.save(answers)
    assert list(read_curated(curated.path)) == answers
    assert curated.list_all() == tuple(answers)
    assert [path.name for path in curated.path.parent.glob(".*")] == []


def test_curated_file_is_no_document(knowledge: Knowledge, write: Callable[[str], None]) -> None:
    """The file lies among the documents and is not one of them."""
    write(FILE)
    assert not knowledge.search("vinegar")
    assert all(passage.source != "curated.yaml" for passage in knowledge.index.passages)
