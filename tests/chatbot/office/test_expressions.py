"""The language of the fields: what is in it, and that nothing else is."""

from __future__ import annotations

import pytest

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.office.expressions import Loop, evaluate, iterate_tags, list_filters, read_tag


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ name }}", ("name",)),
        ("{{name}}", ("name",)),
        ("{{\u00a0name\u00a0}}", ("name",)),
        ("{{ name | upper }}", ("name",)),
        ("{{ name|default(“friend”) }}", ("name",)),
        ("{{ 'yes' if urgent and not paid else other }}", ("urgent", "paid", "other")),
        ("{{ first ~ ' ' ~ last }}", ("first", "last")),
        ("{% if tone == 'formal' or tone != style %}", ("tone", "style")),
        ("{%p elif a %}", ("a",)),
        ("{%tr for line in items | lines %}", ("items",)),
        ("{% for line in items | trim | lines %}", ("items",)),
        ("{# a note #}", ()),
        ("{% else %}", ()),
    ],
)
def test_fields_of_a_tag_are_named(source: str, names: tuple[str, ...]) -> None:
    """A tag names its fields in order, also where the word processor made its quotes typographic."""
    assert read_tag(source).names == names


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ }}", "names no field"),
        ("{{ name", "not closed"),
        ("name }}", "not opened"),
        ("{{ name %}", "not closed"),
        ("{{ Nom }}", "Did you mean nom"),
        ("{{ prénom }}", "is no name of a field"),
        ("{{ " + "n" * 41 + " }}", "is no name of a field"),
        ("{{ _name }}", "is no name of a field"),
        ("{{ none }}", "none is no name"),
        ("{{ 2name }}", "cannot be read"),
        ("{{ first name }}", "cannot be read"),
        ("{{ name.upper() }}", "Calls are not allowed"),
        ("{{ name.__class__ }}", "a field has no parts"),
        ("{{ ''.__class__.__mro__ }}", "a field has no parts"),
        ("{{ name['x'] }}", "Getitem is not allowed"),
        ("{{ lipsum() }}", "Calls"),
        ("{{ name | safe }}", "The filter safe is not allowed"),
        ("{{ name | attr('x') }}", "The filter attr is not allowed"),
        ("{{ name | upper(1) }}", "used wrongly"),
        ("{{ 'a' * 999999999 }}", "Mul is not allowed"),
        ("{{ 9 ** 99999 }}", "Pow is not allowed"),
        ("{{ [1, 2] }}", "List is not allowed"),
        ("{{ amount > 5 }}", "compared with == and != alone"),
        ("{{ a in b }}", "compared with == and != alone"),
        ("{{ a is defined }}", "Test is not allowed"),
        ("{{ loop.index }}", "dot before index"),
        ("{{ loop }}", "loop tells of a loop"),
        ("{{r name }}", "Write a space after"),
        ("{{p name }}", "Write a space after"),
        ("{%- if a %}", "sign beside the braces"),
        ("{% if a -%}", "sign beside the braces"),
        ("{% if %}", "names no field"),
        ("{% endif x %}", "Nothing may follow"),
        ("{% set x = 1 %}", "statement set is not allowed"),
        ("{% include 'x' %}", "statement include is not allowed"),
        ("{% macro x() %}", "statement macro is not allowed"),
        ("{%tc for x in y | lines %}", "{%tc is not allowed"),
        ("{% 5 %}", "statement 5"),
        ("{% %}", "no statement"),
        ("{% for x in y %}", "write y | lines"),
        ("{% for x in range(9) | lines %}", "Calls"),
        ("{% for x in y | lines if x %}", "goes through the lines"),
        ("{% for loop in y | lines %}", "A loop is written"),
        ("{% for X in y | lines %}", "A loop is written"),
        ("{{ " + "(" * 140 + "a" + ")" * 140 + " }}", "too many brackets"),
        ("{{ a" + " " * 300 + "}}", "within 300 characters"),
    ],
)
def test_anything_else_is_refused(source: str, reason: str) -> None:
    """What is not in the language is refused with the reason, and the tag is named."""
    with pytest.raises(BrokenTemplate) as caught:
        for match in iterate_tags(source):
            read_tag(match.group())
    assert reason in str(caught.value)
    assert caught.value.field
    assert caught.value.field[:8] in source


def test_loop_in_a_loop_is_refused() -> None:
    """Loops do not multiply; within one its own variable is no field."""
    with pytest.raises(BrokenTemplate, match="loop within a loop"):
        read_tag("{% for a in b | lines %}", ["line", "loop"])
    assert read_tag("{{ line ~ loop.index ~ name }}", ["line", "loop"]).names == ("name",)
    with pytest.raises(BrokenTemplate, match="dot before cycle"):
        read_tag("{{ loop.cycle }}", ["line", "loop"])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("name", "anne"),
        ("name | upper", "ANNE"),
        ("name | capitalize", "Anne"),
        ("'  x ' | trim | lower", "x"),
        ("empty | default('–')", "–"),
        ("name | default('–')", "anne"),
        ("'a' if name == 'anne' else 'b'", "a"),
        ("items | lines", ["one", "two"]),
        ("loop.first ~ loop.last ~ loop.index ~ loop.length", "TrueFalse12"),
    ],
)
def test_expression_is_evaluated(expression: str, value: object) -> None:
    """Expressions give what Jinja would, an empty value being a missing one."""
    values = {"name": "anne", "empty": "", "items": "one\n\n two \n", "loop": Loop(1, 2)}
    assert evaluate(expression, values) == value


def test_list_has_an_end() -> None:
    """A value of more lines than a document takes is the asker's fault, and said so."""
    with pytest.raises(InvalidRequest, match="501 lines; at most 500"):
        evaluate("items | lines", {"items": "x\n" * 501})


def test_filters_are_few() -> None:
    """The list of filters is this one, as the documentation has it."""
    assert list_filters() == ("lines", "default", "upper", "lower", "capitalize", "trim")
