"""Rates and waits are said as people say them."""

from __future__ import annotations

import pytest

from chatbot.rates import DEEDS, say_rate, say_wait


@pytest.mark.parametrize(
    ("rate", "deed", "english", "french"),
    [
        ("30/minute", "message", "30 messages per minute", "30 messages par minute"),
        ("1/second", "message", "1 message per second", "1 message par seconde"),
        ("0/day", "message", "0 messages per day", "0 message par jour"),
        (
            "10 per 5 minutes",
            "wrong-admin-password",
            "10 wrong passwords in 5 minutes",
            "10 mots de passe erronés en 5 minutes",
        ),
        ("1 per 2 hours", "transcript", "1 copy in 2 hours", "1 copie en 2 heures"),
    ],
)
def test_rate_is_said_in_both_languages(rate: str, deed: str, english: str, french: str) -> None:
    """Number, deed and period agree with each other, and one period is not counted."""
    assert (say_rate(rate, deed), say_rate(rate, deed, "fr")) == (english, french)


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (1, "1 second", "1 seconde"),
        (120, "120 seconds", "120 secondes"),
        (121, "3 minutes", "3 minutes"),
        (3600, "60 minutes", "60 minutes"),
    ],
)
def test_wait_is_said_in_seconds_or_minutes(seconds: int, english: str, french: str) -> None:
    """A long wait is minutes, rounded up: who waits them out is not refused again."""
    assert (say_wait(seconds), say_wait(seconds, "fr")) == (english, french)


def test_deeds_have_words_in_each_language() -> None:
    """What can be limited is named in English and in French."""
    assert DEEDS["en"].keys() == DEEDS["fr"].keys()
