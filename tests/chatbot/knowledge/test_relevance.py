"""Relevance: how much of a question a passage has to hold, and names that nothing knows."""

from __future__ import annotations

import pytest

from chatbot.knowledge.relevance import find_names, has_unknown_name, is_covered


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Does Guichet support LDAP?", ["Guichet", "LDAP"]),
        ("LDAP support", ["LDAP"]),
        ("Windows: does it run? Which version of Windows?", ["Windows"]),
        ("is MySQL or DATABASE_URL read", ["MySQL", "DATABASE_URL"]),
        ("Peut-on utiliser l'API ? « Oui » dit-il.", ["API"]),
        ("HOW DO I LIFT A BAN", []),
        ("How Do You Lift A Ban", []),
        ("how do i lift a ban", []),
        ("", []),
    ],
)
def test_names_are_words_with_capitals_where_no_sentence_begins(question: str, names: list[str]) -> None:
    """Acronyms and mixed case anywhere, other capitals inside a sentence; none in titles and shouts."""
    assert find_names(question) == names


@pytest.mark.parametrize(
    ("names", "is_unknown"),
    [
        ([], False),
        ([[]], False),
        ([["ldap"]], True),
        ([["docker"]], False),
        ([["docker"], ["ldap"]], True),
        ([["wordpress", "word", "press"]], False),
        ([["dockerhub", "docker", "hub"]], True),
        ([["word-press", "word", "press"]], False),
    ],
)
def test_a_name_is_known_whole_or_by_all_its_parts(names: list[list[str]], is_unknown: bool) -> None:
    """Documents may write a name in one word or in several."""
    known = {"docker", "wordpress", "word", "press"}
    assert has_unknown_name(names, known.__contains__) is is_unknown


def test_a_question_that_names_something_unknown_needs_more() -> None:
    """Twice the share x evidence; two thirds of the question are enough in any case."""
    weights = {"ban": 3.0, "long": 3.0, "visitor": 3.0, "ldap": 4.0}
    half = frozenset({"ban", "long"})
    assert is_covered(weights, half, 100)
    assert not is_covered(weights, half, 100, has_unknown_name=True)
    assert is_covered(weights, half | {"visitor"}, 100, has_unknown_name=True)
