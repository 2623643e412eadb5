"""Evidence: what speaks for a unit as the answer to a question."""

from __future__ import annotations

import pytest

from chatbot.evidence import list_candidates, score_candidates, weigh_terms


def score(question: str, *texts: str, heading: str = "Guide") -> dict[str, float]:
    """Score the units of passages that each have a section of their own."""
    passages = [(f"{number}.md", heading, text) for number, text in enumerate(texts)]
    candidates, asked = list_candidates(question, "en", passages)
    scores = score_candidates(question, weigh_terms(asked, candidates), candidates)
    return {candidate.unit.text: value for candidate, value in zip(candidates, scores, strict=True)}


def test_rare_words_of_the_question_count_most() -> None:
    """What all sentences have tells none of them from the others."""
    text = "A ban is one thing.\n\nA ban is here.\n\nA ban is there.\n\nNothing.\n\nThe duration is short."
    scores = score("ban duration", text)
    assert scores["The duration is short."] > scores["A ban is here."]


def test_the_weights_of_a_question_are_shares() -> None:
    """Words that no passage has do not count: nothing could be chosen by them."""
    candidates, asked = list_candidates("ban duration zebra", "en", [("a.md", "A", "A ban. A duration.")])
    weights = weigh_terms(asked, candidates)
    assert sum(weights.values()) == pytest.approx(1)
    assert len(weights) == 2


def test_neighbours_of_a_match_come_before_other_sentences() -> None:
    """The answer often stands beside the words of the question."""
    scores = score("ban duration", "Nothing at first. Still nothing. The ban duration matters. One day.")
    assert scores["One day."] > scores["Nothing at first."]


def test_the_section_found_first_comes_first() -> None:
    """Sentences that match alike are told apart by the rank of their passage."""
    scores = score("ban duration", "The ban duration is short.", "A ban duration is long.")
    assert scores["The ban duration is short."] > scores["A ban duration is long."]


def test_names_of_settings_are_worth_more_than_words() -> None:
    """Of two sentences that match alike the one that names the setting answers."""
    scores = score(
        "ban duration", "The ban duration is set somewhere.\n\nFiller.\n\nThe ban duration is `BAN_TIME`."
    )
    assert scores["The ban duration is `BAN_TIME`."] > scores["The ban duration is set somewhere."]


@pytest.mark.parametrize(
    "pointer",
    ["See the guide on bans.", "For more about bans, see the guide.", "Pour en savoir plus, voir bans."],
)
def test_pointers_are_worth_little(pointer: str) -> None:
    """They have the words of the question and no answer."""
    scores = score("bans", f"{pointer}\n\nFiller.\n\nMore filler.\n\nThose bans end.")
    assert scores[pointer] < scores["Those bans end."]


@pytest.mark.parametrize("slip", ["retenton", "retentoin", "retenntion", "retemtion"])
def test_one_slip_of_the_keyboard_is_read_over(slip: str) -> None:
    """A letter left out, swapped, added or wrong."""
    _, asked = list_candidates(slip, "en", [("a.md", "A", "The retention is a day.")])
    assert "retent" in asked


@pytest.mark.parametrize("word", ["detention", "retire", "rate"])
def test_other_words_are_not_taken_for_slips(word: str) -> None:
    """Another first letter, more than one letter apart, or too short to tell."""
    _, asked = list_candidates(word, "en", [("a.md", "A", "The retention is a date.")])
    assert "retent" not in asked
    assert "date" not in asked
