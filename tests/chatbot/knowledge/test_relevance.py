"""Relevance: how much of a question a passage has to hold, and names that nothing knows."""

from __future__ import annotations

import pytest

from chatbot.knowledge.language_index import QuestionTerm
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


def ask(**weights: float) -> list[QuestionTerm]:
    """Make the terms of a question; those whose weight is negative are known to no document."""
    return [
        QuestionTerm(term, 1, abs(weight), {}, frozenset({term} if weight > 0 else ()))
        for term, weight in weights.items()
    ]


def covers(terms: list[QuestionTerm], held: str, headings: str = "", **options: bool) -> bool:
    """Ask whether a passage with these terms covers the question; the rarest term weighs 10."""
    named = frozenset(headings.split())
    return is_covered(terms, named | frozenset(held.split()), named, 10.0, **options)


def test_a_passage_has_to_hold_three_fifths_of_the_rarest_term() -> None:
    """What the question's terms in the passage weigh decides, not how many of its words are there."""
    terms = ask(ban=3.0, long=3.0, visitor=3.0, day=3.0)
    assert not covers(terms, "ban")
    assert covers(terms, "ban long")
    assert covers(ask(**{f"word{n}": 3.0 for n in range(9)}), "word1 word2")


def test_words_that_no_document_knows_raise_what_is_needed() -> None:
    """A quarter of the question unknown asks for a quarter of the rarest term more."""
    assert covers(ask(ban=3.0, long=4.0, penguin=-0.5), "ban long day")
    assert not covers(ask(ban=3.0, long=4.0, penguin=-4.0), "ban long day")
    assert covers(ask(ban=5.0, long=4.0, penguin=-2.0), "ban long day")


def test_an_unknown_name_raises_it_further() -> None:
    """Words can be paraphrased, names cannot."""
    terms = ask(ban=3.0, long=4.0, visitor=3.0)
    assert covers(terms, "ban long")
    assert not covers(terms, "ban long", has_unknown_name=True)
    assert covers(ask(ban=6.0, long=6.0), "ban long", has_unknown_name=True)


def test_a_short_question_is_answered_by_the_section_that_is_about_it() -> None:
    """All of the question in the passage and some of it in a heading is enough, however common the words."""
    assert covers(ask(ban=1.0), "visitor", headings="ban")
    assert not covers(ask(ban=1.0), "ban", headings="visitor")
    assert not covers(ask(ban=1.0, long=1.0), "visitor", headings="ban")


def test_a_question_without_terms_is_covered_by_nothing() -> None:
    """Only function words: nothing can be found by them."""
    assert not covers([], "ban", headings="ban")
