"""The thesaurus: every line well-formed, what a question's words lead to, in either language."""

from __future__ import annotations

from collections import Counter

import pytest

from chatbot.knowledge.thesaurus import _FILE, load_thesaurus
from chatbot.text import tokenize

LINES = [line for line in _FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def find(question: str, language: str = "en", target: str = "") -> dict[str, frozenset[str]]:
    """Find what is related to a question's terms."""
    target = target or language
    return load_thesaurus().find_related(question, tokenize(question, target, language), language, target)


def test_every_line_has_two_sides_and_something_to_relate() -> None:
    """A concept with one word in all relates nothing; a line that stands twice is a slip."""
    for line in LINES:
        sides = [[word.strip() for word in side.split(",") if word.strip()] for side in line.split("|")]
        assert len(sides) == 2, line
        assert sum(map(len, sides)) > 1, line
        assert all(len(word.split()) <= 6 for side in sides for word in side), line
    assert [line for line, count in Counter(LINES).items() if count > 1] == []


def test_everyday_words_lead_to_those_of_documents() -> None:
    """Compared by stems, in the question's own language."""
    assert "remov" in find("How do I delete this?")["delet"]
    assert "supprim" in find("comment effacer un compte ?", "fr")["effac"]


def test_a_word_leads_into_the_other_language() -> None:
    """A French question finds English passages by the words that mean the same."""
    related = find("effacer", "fr", "en")
    assert "delet" in frozenset().union(*related.values())


def test_a_phrase_stands_for_itself_and_not_for_its_words() -> None:
    """To log in has nothing to do with a log."""
    phrase, word = find("I cannot log in")["log"], find("where is the log")["log"]
    assert "authent" in phrase or "login" in phrase
    assert "authent" not in word
    assert not phrase & {"journal", "logfil"}


def test_words_nobody_related_and_nothing_at_all() -> None:
    """Unknown words have no relatives; an empty question none either."""
    assert find("zyzzyva") == {}
    assert find("") == {}


@pytest.mark.parametrize(
    ("question", "misleading"),
    [
        ("le cache est plein", "masquer"),
        ("durée de rétention", "réessayer"),
        ("donner un accès", "parrainage"),
        ("entrée du programme", "plage"),
        ("ajouter une note", "évaluer"),
    ],
)
def test_words_that_share_a_stem_alone_do_not_mislead(question: str, misleading: str) -> None:
    """`cache` is no `cacher`, though French stemming makes them one: such words are in no concept."""
    terms = tokenize(question, "fr")
    related = load_thesaurus().find_related(question, terms, "fr", "fr")
    assert tokenize(misleading, "fr")[0] not in frozenset().union(*related.values())
