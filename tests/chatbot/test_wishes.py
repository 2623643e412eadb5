"""A wish is known by its words, however it is typed."""

from __future__ import annotations

import pytest

from chatbot.storytelling import WISHES as STORY_WISHES
from chatbot.wishes import find_wish
from chatbot.writing import WISHES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Shorter", "shorter"),
        ("plus court", "shorter"),
        ("PLUS COURT !", "shorter"),
        ("  Plus   court…  ", "shorter"),
        ("Plus courte, s'il vous plaît.", "shorter"),
        ("Make it shorter.", "shorter"),
        ("Please make the letter a bit shorter", "shorter"),
        ("Rends la lettre un peu plus courte", "shorter"),
        ("Plus long", "longer"),
        ("Longer, please", "longer"),
        ("more-formal", "more_formal"),
        ("Plus formelle svp", "more_formal"),
        ("Make it friendlier", "friendlier"),
        ("Plus chaleureux", "friendlier"),
    ],
)
def test_wish_is_known_by_its_words(text: str, name: str) -> None:
    """Case, accents, punctuation and courtesy change nothing, in both languages."""
    found = find_wish(text, WISHES)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "…",
        "Shorter and warmer",
        "Not shorter",
        "Make it friendlier, and keep it polite.",
        "Shorter sentences",
        "Pas plus court",
        "Mentionne mon préavis.",
        "make it the letter",
    ],
)
def test_other_words_are_a_wish_of_their_own(text: str) -> None:
    """What says more, or something else, is no known wish: it is not taken for what it is not."""
    assert find_wish(text, WISHES) is None


@pytest.mark.parametrize("wish", [*WISHES, *STORY_WISHES], ids=lambda wish: wish.name)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_words_that_a_click_sends_are_understood(wish: object, language: str) -> None:
    """What stands on a button is the wish it stands for."""
    wishes = WISHES if wish in WISHES else STORY_WISHES
    known = next(one for one in wishes if one is wish)
    assert find_wish(known.say(language), wishes) is known
    assert len({one.say(language) for one in wishes}) == len(wishes)
