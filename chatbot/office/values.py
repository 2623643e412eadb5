"""The values that a template is filled with: cleaned, and as the words of a language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date

from chatbot.errors import InvalidRequest
from chatbot.letters.dates import write_date
from chatbot.letters.letter import clean_block
from chatbot.office.expressions import Value

MAX_CHARACTERS = 50_000
"""Of one value."""

_ANSWERS = {"en": ("no", "yes"), "fr": ("non", "oui")}


def clean_values(values: Mapping[str, Value], fields: Iterable[str]) -> dict[str, Value]:
    """Give a value for every field: cleaned of control characters, empty where none was given.

    Raises:
        InvalidRequest: a text is longer than `MAX_CHARACTERS`, or a number is none.
    """
    return {name: _clean(name, values.get(name, "")) for name in fields}


def write_value(value: object, language: str) -> str:
    """Write what a field holds or an expression gives as text."""
    if isinstance(value, bool):
        return _ANSWERS.get(language, _ANSWERS["en"])[value]
    if isinstance(value, date):
        return write_date(value, language)
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        return text.replace(".", ",") if language == "fr" else text
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value)


def _clean(name: str, value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(f"The field {name} has the value {value}, which is no number.")
    if not isinstance(value, str):
        return value
    if len(value) > MAX_CHARACTERS:
        raise InvalidRequest(
            f"The field {name} has {len(value):,} characters; at most {MAX_CHARACTERS:,} are allowed. Shorten it."
        )
    return clean_block(value)
