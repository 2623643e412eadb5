"""The index of one language: what stands for a question's terms, and the order of what is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.knowledge.language_index import LanguageIndex, QuestionTerm
from chatbot.knowledge.passages import make_passages

PAGES = {
    "bans.md": "# Bans\n## Lift a ban\nRun `bwcli unban ADDRESS`.\n## Duration\nA ban lasts a day.",
    "settings.md": "# Settings\n## Captcha\nSet `USE_ANTIBOT=captcha`; `--dry-run` shows it.\n## Errors\nError 413.",
    "files.md": "# Files\n## Delete\nRemove the certificate of a host.\n## Copy\nA backup is taken nightly.",
}


@pytest.fixture(name="index")
def make_index() -> LanguageIndex:
    passages = [passage for source, text in PAGES.items() for passage in make_passages(text, source, "en")]
    return LanguageIndex.build("en", passages)


def find(index: LanguageIndex, question: str, asked_in: str = "") -> list[str]:
    """Find headings, best first."""
    return [hit.passage.heading for hit in index.search(question, 10, asked_in)]


def read(index: LanguageIndex, question: str, asked_in: str = "") -> dict[str, QuestionTerm]:
    """Read a question's terms by name."""
    return {term.term: term for term in index.read_question(question, asked_in)}


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("USE_ANTIBOT", "Settings > Captcha"),
        ("antibot", "Settings > Captcha"),
        ("what does --dry-run do", "Settings > Captcha"),
        ("I get a 413", "Settings > Errors"),
        ("erase a certificate", "Files > Delete"),
        ("certifcate", "Files > Delete"),
        ("how long is the duration", "Bans > Duration"),
    ],
)
def test_what_is_asked_for_comes_first(index: LanguageIndex, question: str, heading: str) -> None:
    """Identifiers whole and in part, numbers, other words for the same, typing errors, headings."""
    assert find(index, question)[0] == heading


def test_a_term_is_itself_and_a_stand_in_less(index: LanguageIndex) -> None:
    """1 for the term, less for what is related or looks alike; only the term itself is the same."""
    term = read(index, "delete")["delet"]
    assert term.shares["delet"] == 1.0
    assert 0 < term.shares["remov"] < 1
    assert term.same == {"delet"}


def test_stand_ins_of_an_unknown_term_count_more(index: LanguageIndex) -> None:
    """Where the documents lack the word itself, its relatives are all there is."""
    assert read(index, "erase")["eras"].shares["remov"] > read(index, "delete")["delet"].shares["remov"]
    assert read(index, "erase")["eras"].same == frozenset()


def test_a_typing_error_is_the_term_it_was_meant_to_be(index: LanguageIndex) -> None:
    """What shares most of its letters with an unknown word counts as the word."""
    assert read(index, "certifcate")["certifc"].same == {"certif"}


def test_a_translation_is_the_same(index: LanguageIndex) -> None:
    """A French question is about what the English passage says in other words."""
    same = frozenset().union(*(term.same for term in read(index, "comment supprimer", "fr").values()))
    assert "remov" in same
    assert "Files > Delete" in find(index, "comment supprimer", "fr")


def test_an_index_read_from_disk_finds_alike(index: LanguageIndex, tmp_path: Path) -> None:
    """Saved and loaded with its passages; not with others."""
    index.save(tmp_path / "en")
    again = LanguageIndex.load(tmp_path / "en", "en", index.passages)
    assert find(again, "erase a certificate") == find(index, "erase a certificate")
    with pytest.raises(ValueError, match="does not cover"):
        LanguageIndex.load(tmp_path / "en", "en", index.passages[1:])
