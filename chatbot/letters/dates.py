"""Dates as letters write them: "22 November 2026", "22 novembre 2026", "1er décembre 2026"."""

from __future__ import annotations

import re
from datetime import date

from chatbot.text import fold

_MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
        *("août", "septembre", "octobre", "novembre", "décembre"),
    ),
}
_NUMBERS = {fold(name): number for names in _MONTHS.values() for number, name in enumerate(names, 1)}
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_WRITTEN = re.compile(r"(?:le\s+)?(\d{1,2})(?:er|st|nd|rd|th)?\s+([^\W\d_]+)\s+(\d{4})", re.IGNORECASE)


def write_date(day: date, language: str) -> str:
    """Write a date out in the manner of the country: English as in the United Kingdom, or French."""
    name = _MONTHS["fr" if language == "fr" else "en"][day.month - 1]
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {name} {day.year}"


def read_date(text: str) -> date | None:
    """Read a date: ISO 8601, day first with strokes or dots, or written out in English or French; else None."""
    plain = " ".join(text.split())
    if found := _ISO.fullmatch(plain):
        parts = (int(found[1]), int(found[2]), int(found[3]))
    elif found := _DAY_FIRST.fullmatch(plain):
        parts = (int(found[3]), int(found[2]), int(found[1]))
    elif (found := _WRITTEN.fullmatch(plain)) and fold(found[2]) in _NUMBERS:
        parts = (int(found[3]), _NUMBERS[fold(found[2])], int(found[1]))
    else:
        return None
    try:
        return date(*parts)
    except ValueError:
        return None
