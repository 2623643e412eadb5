"""An assistant may answer from some folders and files of the knowledge alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.knowledge.language_index import is_within
from chatbot.knowledge.retriever import Knowledge

PAGES = {
    "tea/brewing.md": "# Brewing\n\nThe kettle boils for four minutes before the tea is brewed.\n",
    "coffee/brewing.md": "# Brewing\n\nThe kettle boils for nine minutes before the coffee is brewed.\n",
    "coffee-old.md": "# Old brewing\n\nThe kettle boiled for ages before the coffee was brewed.\n",
}
QUESTION = "How long does the kettle boil?"


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    """Give two folders and a page that say different things about the same."""
    for name, text in PAGES.items():
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Knowledge(tmp_path / "docs", tmp_path / "index")


@pytest.mark.parametrize(
    ("within", "sources"),
    [
        ((), set(PAGES)),
        (("coffee",), {"coffee/brewing.md"}),
        (("coffee/",), {"coffee/brewing.md"}),
        (("tea", "coffee-old.md"), {"tea/brewing.md", "coffee-old.md"}),
        (("nowhere",), set()),
    ],
)
def test_nothing_is_found_outside(knowledge: Knowledge, within: tuple[str, ...], sources: set[str]) -> None:
    """Only passages of the folders and files that are named are found; a folder's name is no beginning of another's."""
    found = knowledge.search(QUESTION, within=within)
    assert {document.metadata["source"] for document in found} == sources


def test_outside_a_question_is_not_answerable(knowledge: Knowledge) -> None:
    """What another folder answers is refused where that folder is not among the assistant's."""
    inside = knowledge.search("How is coffee brewed?", within=("coffee",))
    assert knowledge.is_answerable("How is coffee brewed?", inside)
    assert not knowledge.is_answerable(
        "How is coffee brewed?", knowledge.search("How is coffee brewed?", within=("no",))
    )


def test_place_is_a_file_or_a_folder() -> None:
    """A place holds itself and what lies below it, and nothing that only begins alike."""
    assert is_within("en/a.md", ["en"])
    assert is_within("en/a.md", ["en/a.md"])
    assert not is_within("english/a.md", ["en"])
    assert not is_within("en/a.md.txt", ["en/a.md"])
