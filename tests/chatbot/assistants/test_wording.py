"""Wordings: filled in with what a tester wrote, and unable to do anything else."""

from __future__ import annotations

import pytest

from chatbot.assistants.wording import LONGEST, list_fields, write_wording


def test_values_stand_in_their_places() -> None:
    """A value goes in as it is, whatever it looks like: it is no wording itself."""
    value = "{{ 7 * 7 }} {% if x %} <b>é</b>"
    assert write_wording("Dear {{ name }}{{ ',' }}", {"name": value}) == f"Dear {value},"


def test_what_is_missing_leaves_nothing_behind() -> None:
    """A value that is missing is empty; no line, no run of empty lines and no double space tells of it."""
    wording = "Hello\n\n{% if reason %}\nBecause {{ reason }}.\n{% endif %}\n\nA {{ reason }} b\n"
    assert write_wording(wording, {}) == "Hello\n\nA b"
    assert write_wording(wording, {"reason": "x"}) == "Hello\n\nBecause x.\n\nA x b"


def test_fields_are_those_that_are_asked_for() -> None:
    """The names a wording asks for are known without filling it in; those it sets itself are none."""
    assert list_fields("{% set civil = a ~ b %}{{ civil }} {{ 'x' if c else d }}") == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("wording", "fault"),
    [
        ("a\n{{ name", "line 2 of it"),
        ("a\nb\n{% if x %}", "line 3 of it"),
        ("{% for a in b %}{% endfor %}", "line 1 of it: a wording has no for"),
        ("{% macro m() %}{% endmacro %}", "has no macro"),
        ("x\n{% include 'settings' %}", "line 2 of it: a wording has no include"),
        ("{% import 'os' as os %}", "has no import"),
        ("{% extends 'x' %}", "has no extends"),
        ("{{ name.upper() }}", "has no a call"),
        ("{{ name|center(100000000) }}", "center"),
        ("{{ name|attr('x') }}", "attr"),
        ("{{ name is cheap }}", "cheap"),
    ],
)
def test_what_cannot_be_a_wording_is_named(wording: str, fault: str) -> None:
    """What cannot be read, and what could run, call or not end, is refused with its line."""
    with pytest.raises(ValueError, match=fault):
        list_fields(wording)


@pytest.mark.parametrize(
    "wording",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ name * 2 }}",
        "{{ name > 3 }}",
        "{{ 1 / 0 }}",
        "{{ name.x.y }}",
        "{{ text|replace('x', text)|replace('x', text) }}",
        "{{ text }}{{ text }}{{ text }}",
    ],
)
def test_what_cannot_be_filled_in_is_an_error_of_its_own(wording: str) -> None:
    """A wording that takes a value for what it is not, or grows beyond a letter, fails at once and by name."""
    with pytest.raises(ValueError, match=r"\w"):
        write_wording(wording, {"name": "Anne", "text": "x" * (LONGEST // 2)})


@pytest.mark.parametrize(
    "wording", ["{{ name.__class__ }}", "{{ self.__init__ }}", "{{ ''.__class__.__mro__ }}"]
)
def test_nothing_behind_a_value_is_reached(wording: str) -> None:
    """Python's own attributes are not there."""
    try:
        written = write_wording(wording, {"name": "Anne"})
    except ValueError:
        written = ""
    assert written == ""
