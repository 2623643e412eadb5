"""Dates are written as the country writes them, and read in the ways people write them."""

from __future__ import annotations

from datetime import date

import pytest

from chatbot.letters.dates import read_date, write_date


@pytest.mark.parametrize(
    ("day", "language", "written"),
    [
        (date(2026, 11, 22), "en", "22 November 2026"),
        (date(2026, 11, 22), "fr", "22 novembre 2026"),
        (date(2026, 8, 1), "fr", "1er août 2026"),
        (date(2026, 8, 1), "en", "1 August 2026"),
    ],
)
def test_dates_are_written_out(day: date, language: str, written: str) -> None:
    """The month is a word, and the first of a French month an ordinal."""
    assert write_date(day, language) == written


@pytest.mark.parametrize(
    "written",
    [
        "2026-08-01",
        "01/08/2026",
        "1.8.2026",
        "1 August 2026",
        "1st August 2026",
        "le 1er août 2026",
        "1 aout 2026",
    ],
)
def test_dates_are_read_in_many_ways(written: str) -> None:
    """A form's date, one with the day first, and one written out are the same day."""
    assert read_date(written) == date(2026, 8, 1)


@pytest.mark.parametrize("written", ["", "soon", "2026-13-45", "31 February 2026", "1 Brumaire 2026"])
def test_what_is_no_date_is_none(written: str) -> None:
    """A day that is not in the calendar is no date."""
    assert read_date(written) is None
