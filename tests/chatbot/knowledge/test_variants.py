"""Terms that look like a term: other forms, typing errors, and what is exact or nothing."""

from __future__ import annotations

from chatbot.knowledge.variants import TermVariants

TERMS = ["certif", "docker", "lock", "unlock", "block", "replic", "use_antibot", "1.6.2", "ban"]


def find(term: str) -> dict[str, float]:
    """Find the terms that look like one, with their similarity."""
    return {TERMS[number]: similarity for number, similarity in TermVariants(TERMS).find(term)}


def test_typing_errors_find_the_term() -> None:
    """A letter missing, one too many, another one, two exchanged."""
    assert "certif" in find("certifc")
    assert "certif" in find("cetif")
    assert "replic" in find("replicc")
    assert find("dokcer") == {"docker": 1.0}


def test_a_known_term_finds_itself_wholly_and_its_relatives_less() -> None:
    """The coefficient is 1 for the term itself; half of the trigrams at least are shared with the others."""
    found = find("unlock")
    assert found["unlock"] == 1.0
    assert all(0.5 <= similarity < 1 for term, similarity in found.items() if term != "unlock")
    assert "certif" not in found


def test_identifiers_numbers_and_short_words_are_exact_or_nothing() -> None:
    """`413` is not nearly `412`, nor `ban` nearly `bank`."""
    assert [find(term) for term in ("use_antibots", "1.6.3", "bam", "413", "")] == [{}] * 5


def test_an_empty_vocabulary_has_no_variants() -> None:
    """An index without words answers too."""
    assert TermVariants([]).find("docker") == []
