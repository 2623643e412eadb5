"""The fields that a tester fills in before an assistant writes: what they are, their JSON Schema, the check of values.

The browser checks too; what counts is here. Values are kept as text: a date as `YYYY-MM-DD`, a number as it reads in
JSON, a tick as `true` or `false`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chatbot.assistants.texts import Texts, say
from chatbot.errors import InvalidForm
from chatbot.store.forms import FormEntry
from chatbot.text import clean_text, is_blank

FieldType = Literal["text", "long_text", "choice", "date", "number", "email", "checkbox"]
LONGEST = {"text": 200, "long_text": 4_000, "email": 200}
FIELD_NAME = r"^[a-z][a-z0-9_]{0,39}$"
# What a draft of the day is dated with, where the form says `today`.
TODAY = "today"
# As browsers check `<input type="email">`, with a dot in the host: no address on the internet is without.
_EMAIL = re.compile(r"^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}$")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
# As browsers send it; Python would take weeks and dates without hyphens too.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINE_END = re.compile("\r\n|[\r\u2028\u2029]")
# Of a name that the form does not have, or of a value, as far as a sentence repeats it.
LONGEST_ECHO = 80

FAULTS: dict[str, dict[str, str]] = {
    "required": {"en": "Please fill this in.", "fr": "Veuillez remplir ce champ."},
    "unknown": {"en": "This form has no such field.", "fr": "Ce formulaire n'a pas de champ de ce nom."},
    "too_long": {
        "en": "{length} characters are too many: {limit} at most.",
        "fr": "{length} caractères, c'est trop : {limit} au plus.",
    },
    "choice": {
        "en": "“{value}” is not among the choices: {allowed}.",
        "fr": "« {value} » n'est pas parmi les choix : {allowed}.",
    },
    "date": {
        "en": "“{value}” is not a date. Write it as YYYY-MM-DD.",
        "fr": "« {value} » n'est pas une date. Écrivez-la sous la forme AAAA-MM-JJ.",
    },
    "number": {"en": "“{value}” is not a number.", "fr": "« {value} » n'est pas un nombre."},
    "email": {
        "en": "“{value}” is not an e-mail address, such as name@example.org.",
        "fr": "« {value} » n'est pas une adresse électronique, comme nom@example.org.",
    },
    "checkbox": {
        "en": "“{value}” is neither yes nor no.",
        "fr": "« {value} » n'est ni oui ni non.",
    },
    "text": {"en": "A text is expected here.", "fr": "Un texte est attendu ici."},
    "min": {
        "en": "{value} is too little: {limit} at least.",
        "fr": "{value}, c'est trop peu : {limit} au moins.",
    },
    "max": {"en": "{value} is too much: {limit} at most.", "fr": "{value}, c'est trop : {limit} au plus."},
    "before": {
        "en": "{value} is too early: {limit} at the earliest.",
        "fr": "{value}, c'est trop tôt : {limit} au plus tôt.",
    },
    "after": {
        "en": "{value} is too late: {limit} at the latest.",
        "fr": "{value}, c'est trop tard : {limit} au plus tard.",
    },
}
SUMMARY = {
    "en": "The form is not complete yet: {fields}.",
    "fr": "Le formulaire n'est pas encore complet : {fields}.",
}
_YES, _NO = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})


class Choice(BaseModel):
    """One of a field's choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="What is stored and given to templates."
    )
    label: Texts = Field(min_length=1, description="What readers see.")


class FormField(BaseModel):
    """One field of a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=FIELD_NAME, description="Names it in templates, in the log and in the API.")
    type: FieldType = Field(default="text", description="What may be filled in.")
    label: Texts = Field(min_length=1, description="What readers see above it.")
    help: Texts = Field(default={}, description="A sentence below it.")
    required: bool = Field(default=False, description="Whether nothing is written without it.")
    default: str | int | float | bool | None = Field(
        default=None, description="What stands in it at first; for a date also `today`."
    )
    choices: tuple[Choice, ...] = Field(
        default=(), description="Of a choice: what may be chosen, in this order."
    )
    min: float | date | None = Field(default=None, description="Of a number or date: the least.")
    max: float | date | None = Field(default=None, description="Of a number or date: the most.")
    max_length: int | None = Field(default=None, ge=1, le=8_000, description="Of a text: characters at most.")
    stays_in_browser: bool = Field(
        default=False,
        description="The sender's own: kept by the browser alone, and sent only when a file is made of the draft.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices: a field of type choice needs them, and no other has any")
        for name, limit in (("min", self.min), ("max", self.max)):
            if limit is not None and self.type not in ("number", "date"):
                raise ValueError(f"{name}: only a number or a date has one")
            if limit is not None and isinstance(limit, date) != (self.type == "date"):
                raise ValueError(f"{name}: {limit} is no {self.type}")
        if self.min is not None and self.max is not None and _is_above(self.min, self.max):
            raise ValueError(f"max: {_write(self.max)} is less than min, {_write(self.min)}")
        if self.default is not None and not (self.type == "date" and self.default == TODAY):
            try:
                check_value(self, self.default, "en")
            except _Fault as fault:
                raise ValueError(f"default: {fault}") from fault
        return self

    @property
    def limit(self) -> int | None:
        """How many characters it may hold; None where it holds no text."""
        return self.max_length or LONGEST.get(self.type)

    def begin(self, today: date) -> str:
        """Give what stands in it at first."""
        if self.default is None:
            return "false" if self.type == "checkbox" else ""
        if self.type == "date" and self.default == TODAY:
            return today.isoformat()
        return check_value(self, self.default, "en")


class _Fault(ValueError):
    """What is wrong with one value."""


def check_form(
    fields: Sequence[FormField], values: Mapping[str, Any], language: str, *, today: date
) -> list[FormEntry]:
    """Check the values of a form; empty ones are left out, missing ones get their default.

    Args:
        language: of the sentences in the error.

    Raises:
        InvalidForm: with a sentence per field.
    """
    known = {field.name: field for field in fields}
    faults = {echo(name): _say("unknown", language) for name in values if name not in known}
    checked: list[FormEntry] = []
    for field in fields:
        given = values.get(field.name)
        try:
            value = field.begin(today) if given is None else check_value(field, given, language)
            if field.required and (not value or (field.type == "checkbox" and value == "false")):
                raise _Fault(_say("required", language))
        except _Fault as fault:
            faults[field.name] = str(fault)
            continue
        if value:
            checked.append(FormEntry(field.name, value, field.type))
    if faults:
        labels = ", ".join(say(known[name].label, language) if name in known else name for name in faults)
        raise InvalidForm(say(SUMMARY, language).format(fields=labels), faults)
    return checked


def check_value(field: FormField, given: Any, language: str) -> str:
    """Give one value as it is kept; empty where nothing was filled in.

    Raises:
        ValueError: a sentence in the reader's language.
    """
    if field.type == "checkbox":
        return _check_tick(given, language)
    if not _is_text(field, given):
        raise _Fault(_say("text", language))
    text = _LINE_END.sub("\n", clean_text(str(given))).strip()
    if is_blank(text):
        return ""
    if field.limit and len(text) > field.limit:
        raise _Fault(_say("too_long", language, length=len(text), limit=field.limit))
    if field.type == "choice" and text not in {choice.value for choice in field.choices}:
        allowed = ", ".join(choice.value for choice in field.choices)
        raise _Fault(_say("choice", language, value=echo(text), allowed=allowed))
    if field.type == "date":
        return _check_date(field, text, language)
    if field.type == "number":
        return _check_number(field, text, language)
    if field.type == "email" and not _EMAIL.fullmatch(text):
        raise _Fault(_say("email", language, value=echo(text)))
    return text if field.type == "long_text" else " ".join(text.split("\n"))


def echo(given: Any) -> str:
    """Give the beginning of what was sent, to be repeated in a sentence."""
    return clean_text(str(given))[:LONGEST_ECHO]


def describe_form(fields: Sequence[FormField], language: str) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a form, in a reader's language."""
    return {
        "type": "object",
        "properties": {field.name: _describe_field(field, language) for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _describe_field(field: FormField, language: str) -> dict[str, Any]:
    kinds = {"checkbox": "boolean", "number": "number"}
    described: dict[str, Any] = {
        "type": kinds.get(field.type, "string"),
        "title": say(field.label, language),
    }
    if field.help:
        described["description"] = say(field.help, language)
    if field.default is not None and field.default != TODAY:
        described["default"] = field.default
    if field.type in ("date", "email"):
        described["format"] = field.type
    if field.type == "choice":
        described["oneOf"] = [
            {"const": choice.value, "title": say(choice.label, language)} for choice in field.choices
        ]
    if field.type == "long_text":
        described["x-multiline"] = True
    if field.limit:
        described["maxLength"] = field.limit
    bounds = ("minimum", "maximum") if field.type == "number" else ("formatMinimum", "formatMaximum")
    for name, limit in zip(bounds, (field.min, field.max), strict=True):
        if limit is not None:
            described[name] = limit.isoformat() if isinstance(limit, date) else limit
    return described


def _is_text(field: FormField, given: Any) -> bool:
    """Tell whether it is a text, or a number that can be taken for one."""
    if isinstance(given, float):
        return field.type == "number" or math.isfinite(given)
    return isinstance(given, str | int) and not isinstance(given, bool)


def _check_tick(given: Any, language: str) -> str:
    text = str(given).strip().lower()
    if text in _YES:
        return "true"
    if text in _NO:
        return "false"
    raise _Fault(_say("checkbox", language, value=echo(given)))


def _check_date(field: FormField, text: str, language: str) -> str:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        found = date.fromisoformat(text)
    except ValueError as error:
        raise _Fault(_say("date", language, value=echo(text))) from error
    _check_bounds(field, found, ("before", "after"), language)
    return found.isoformat()


def _check_number(field: FormField, text: str, language: str) -> str:
    plain = text.replace(",", ".").replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    if not _NUMBER.fullmatch(plain):
        raise _Fault(_say("number", language, value=echo(text)))
    _check_bounds(field, float(plain), ("min", "max"), language)
    return _write_number(plain)


def _check_bounds(field: FormField, found: Any, words: tuple[str, str], language: str) -> None:
    if field.min is not None and found < field.min:
        raise _Fault(_say(words[0], language, value=_write(found), limit=_write(field.min)))
    if field.max is not None and found > field.max:
        raise _Fault(_say(words[1], language, value=_write(found), limit=_write(field.max)))


def _write_number(text: str) -> str:
    """Write a number in one way, without zeros that say nothing: a wording compares it with `1`."""
    number = Decimal(text)
    return f"{number.normalize():f}" if number else "0"


def _is_above(least: Any, most: Any) -> bool:
    return bool(least > most)


def _write(value: float | date) -> str:
    return value.isoformat() if isinstance(value, date) else _write_number(repr(value))


def _say(name: str, language: str, **values: Any) -> str:
    return say(FAULTS[name], language).format(**values)
