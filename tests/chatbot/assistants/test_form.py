"""Forms: every type of field, in both languages, whatever is sent."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from chatbot.assistants.form import FAULTS, FormField, check_form, describe_form
from chatbot.errors import InvalidForm
from chatbot.store.forms import FormEntry

TODAY = date(2026, 11, 22)
CHOICES = [
    {"value": "yes", "label": {"en": "Yes", "fr": "Oui"}},
    {"value": "no", "label": {"en": "No", "fr": "Non"}},
]
HOSTILE = ["\x00", "\ud800", "<script>alert(1)</script>", "{{ 7 * 7 }}", "' OR 1=1 --", "\u202e", "\x1b[31m"]
NOT_ONE_VALUE: list[Any] = [[], ["a"], {}, {"a": 1}, [["\ud800"]]]


def make_field(**values: Any) -> FormField:
    """Give a field, by default a text."""
    label = {"en": "Field", "fr": "Champ"}
    return FormField.model_validate({"name": "field", "label": label} | values)


def check(field: FormField, value: Any, language: str = "en") -> str | None:
    """Give a value as it is kept; None where it is left out."""
    entries = check_form([field], {"field": value}, language, today=TODAY)
    return entries[0].value if entries else None


def find_fault(field: FormField, value: Any, language: str = "en") -> str:
    """Give the sentence by which a value is refused."""
    with pytest.raises(InvalidForm) as raised:
        check(field, value, language)
    assert list(raised.value.fields) == ["field"]
    return raised.value.fields["field"]


@pytest.mark.parametrize(
    ("values", "given", "kept"),
    [
        ({}, "  Anne Martin ", "Anne Martin"),
        ({}, "Anne\r\nMartin", "Anne Martin"),
        ({}, "e\u0301te\u0301", "été"),
        ({}, "a\x00b\ud800c", "abc"),
        ({}, "<b>x</b>", "<b>x</b>"),
        ({}, 4711, "4711"),
        ({}, "   ", None),
        ({}, "\u200b\u200b", None),
        ({}, None, None),
        ({"type": "long_text"}, "one\r\ntwo\rthree", "one\ntwo\nthree"),
        ({"type": "choice", "choices": CHOICES}, "yes", "yes"),
        ({"type": "choice", "choices": CHOICES, "default": "yes"}, None, "yes"),
        ({"type": "choice", "choices": CHOICES, "default": "yes"}, "", None),
        ({"type": "date"}, "2026-02-28", "2026-02-28"),
        ({"type": "date", "default": "today"}, None, "2026-11-22"),
        ({"type": "date", "default": "2026-12-31"}, None, "2026-12-31"),
        ({"type": "number"}, 14, "14"),
        ({"type": "number"}, 14.0, "14"),
        ({"type": "number"}, "14.50", "14.5"),
        ({"type": "number"}, "1 250,5", "1250.5"),
        ({"type": "number"}, "007", "7"),
        ({"type": "number"}, "-0", "0"),
        ({"type": "number"}, 1e9, "1000000000"),
        ({"type": "number", "default": 14}, None, "14"),
        ({"type": "email"}, "anne.martin@example.org", "anne.martin@example.org"),
        ({"type": "checkbox"}, True, "true"),
        ({"type": "checkbox"}, "on", "true"),
        ({"type": "checkbox"}, False, "false"),
        ({"type": "checkbox"}, None, "false"),
        ({"type": "checkbox", "default": True}, None, "true"),
    ],
)
def test_value_is_kept_as_text(values: dict[str, Any], given: Any, kept: str | None) -> None:
    """A value is kept cleaned and in one way; empty ones are left out, missing ones default."""
    assert check(make_field(**values), given) == kept


@pytest.mark.parametrize(
    ("values", "given", "fault"),
    [
        ({"required": True}, "", "required"),
        ({"required": True}, "\u200b", "required"),
        ({"type": "checkbox", "required": True}, False, "required"),
        ({}, True, "text"),
        ({}, float("nan"), "text"),
        ({"type": "date"}, True, "text"),
        ({"max_length": 3}, "four", "too_long"),
        ({"type": "choice", "choices": CHOICES}, "maybe", "choice"),
        ({"type": "choice", "choices": CHOICES}, "Yes", "choice"),
        ({"type": "date"}, "22/11/2026", "date"),
        ({"type": "date"}, "2026-02-30", "date"),
        ({"type": "date"}, "20261122", "date"),
        ({"type": "date"}, "2026-W47-7", "date"),
        ({"type": "date"}, 20261122, "date"),
        ({"type": "date", "min": "2026-01-01"}, "2025-12-31", "before"),
        ({"type": "date", "max": "2026-01-01"}, "9999-12-31", "after"),
        ({"type": "number"}, "ten", "number"),
        ({"type": "number"}, float("nan"), "number"),
        ({"type": "number"}, float("inf"), "number"),
        ({"type": "number"}, "1e9", "number"),
        ({"type": "number"}, "٣", "number"),
        ({"type": "number", "min": 1}, 0, "min"),
        ({"type": "number", "max": 90}, 1e9, "max"),
        ({"type": "number", "max": 90}, 10**18, "number"),
        ({"type": "email"}, "anne", "email"),
        ({"type": "email"}, "anne@localhost", "email"),
        ({"type": "email"}, "a@b.org, c@d.org", "email"),
        ({"type": "email"}, "a@example.org\nBcc: c@d.org", "email"),
        ({"type": "checkbox"}, "perhaps", "checkbox"),
        ({"type": "checkbox"}, 2, "checkbox"),
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_wrong_value_is_named_in_the_readers_language(
    values: dict[str, Any], given: Any, fault: str, language: str
) -> None:
    """Each kind of mistake has its own sentence in both languages, at the field."""
    beginning, _, ending = FAULTS[fault][language].partition("{")
    sentence = find_fault(make_field(**values), given, language)
    assert sentence.startswith(beginning)
    assert sentence.endswith(ending.rpartition("}")[2])
    assert "{" not in sentence


def test_numbers_in_a_sentence_are_written_out() -> None:
    """A number that is too large comes back as it was sent, not in powers of ten."""
    field = make_field(type="number", max=90)
    assert find_fault(field, 1e9) == "1000000000 is too much: 90 at most."


@pytest.mark.parametrize("given", NOT_ONE_VALUE, ids=repr)
@pytest.mark.parametrize("kind", ["text", "long_text", "date", "number", "email", "checkbox"])
def test_what_is_no_value_is_refused(kind: str, given: Any) -> None:
    """Lists and mappings are refused for every type, in words that can be sent."""
    find_fault(make_field(type=kind), given).encode()


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
@pytest.mark.parametrize("kind", ["choice", "date", "number", "email", "checkbox"])
def test_hostile_value_comes_back_clean(kind: str, hostile: str) -> None:
    """What is repeated in a sentence can be encoded and is short, whatever was sent."""
    field = make_field(type=kind, choices=CHOICES if kind == "choice" else ())
    sentence = find_fault(field, f"{hostile}x" * 100)
    sentence.encode()
    assert len(sentence) < 300


def test_unknown_fields_are_named() -> None:
    """A field that the form does not have is refused by its name, cleaned and cut, beside the others' faults."""
    sent = {"other": "x", "\ud800" + "y" * 200: "x", "field": ""}
    with pytest.raises(InvalidForm) as raised:
        check_form([make_field(required=True)], sent, "en", today=TODAY)
    assert set(raised.value.fields) == {"other", "y" * 80, "field"}
    json.dumps({"message": str(raised.value), "fields": raised.value.fields}, ensure_ascii=False).encode()
    assert raised.value.fields["other"] == "This form has no such field."


def test_fields_are_kept_with_their_type() -> None:
    """What is stored says what kind of field it was: the shareable log leaves out by it."""
    fields = [make_field(name="day", type="date"), make_field(name="sure", type="checkbox")]
    kept = check_form(fields, {"day": "2026-01-02", "sure": True}, "en", today=TODAY)
    assert kept == [FormEntry("day", "2026-01-02", "date"), FormEntry("sure", "true", "checkbox")]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"type": "choice"}, "choices"),
        ({"choices": CHOICES}, "choices"),
        ({"type": "text", "min": 1}, "min"),
        ({"type": "date", "min": 3}, "min"),
        ({"type": "number", "max": "2026-01-01"}, "max"),
        ({"type": "number", "min": 3, "max": 1}, "max: 1 is less than min, 3"),
        ({"type": "choice", "choices": CHOICES, "default": "maybe"}, "default"),
        ({"type": "number", "default": "many"}, "default"),
        ({"type": "date", "default": "tomorrow"}, "default"),
        ({"name": "Not A Name"}, "name"),
        ({"max_length": 0}, "max_length"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_field_that_makes_no_sense_is_refused(values: dict[str, Any], fault: str) -> None:
    """A field's own definition is checked: its choices, bounds, default and names."""
    with pytest.raises(ValidationError, match=fault):
        make_field(**values)


def test_schema_describes_each_type() -> None:
    """The JSON Schema is one, in the reader's language, and takes what the form takes."""
    fields = [
        make_field(name="a", required=True, max_length=5, help={"en": "Help", "fr": "Aide"}),
        make_field(name="b", type="choice", choices=CHOICES, default="yes"),
        make_field(name="c", type="date", min="2026-01-01", default="today"),
        make_field(name="d", type="number", min=1, max=9, default=3),
        make_field(name="e", type="checkbox"),
        make_field(name="f", type="email"),
        make_field(name="g", type="long_text"),
    ]
    schema = describe_form(fields, "fr")
    Draft202012Validator.check_schema(schema)
    good = {"a": "x", "b": "no", "c": "2026-05-01", "d": 4, "e": True, "f": "a@example.org", "g": "x\ny"}
    Draft202012Validator(schema).validate(good)
    assert len(check_form(fields, good, "fr", today=TODAY)) == 7
    for wrong in ({"a": "too long"}, {"b": "maybe"}, {"d": 10}, {"h": 1}):
        assert not Draft202012Validator(schema).is_valid(good | wrong)
    assert schema["properties"]["a"]["description"] == "Aide"
    assert schema["properties"]["b"]["oneOf"][0] == {"const": "yes", "title": "Oui"}
    assert schema["required"] == ["a"]
    assert "default" not in schema["properties"]["c"]
