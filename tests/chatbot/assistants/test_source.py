"""The YAML of a definition: read safely, and each fault with the line it stands in."""

from __future__ import annotations

import re

import pytest

from chatbot.assistants.source import Source

NESTED = """title:
  en: Letters
documents:
  - name: notice
    form:
      - name: reason
        label: {en: Reason}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (["title"], 1),
        (["title", "en"], 2),
        (["documents", 0, "name"], 4),
        (["documents", 0, "form", 0, "label", "en"], 7),
        (["documents", 0, "form", 0, "label", "fr"], 7),
        (["documents", 0, "form", 9], 5),
        (["documents", 0, "text", "en"], 4),
        (["nothing"], 1),
    ],
)
def test_field_has_its_line(location: list[int | str], line: int) -> None:
    """A field's line is found however deep it stands; of one that is missing that of the field it is missing in."""
    assert Source(NESTED).find_line(location) == line


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title: {en: Support\nprompt: x", "line 2: not YAML"),
        ("title: x\n\tprompt: y", "line 2: not YAML"),
        ("title: x\nprompt: y\ntitle: z", "line 3: title: this field is there twice"),
        ("title:\n  en: a\n  en: b", "line 3: en: this field is there twice"),
        ("- title", "line 1: not a definition"),
        ("", "line 1: not a definition"),
        ("a: 1\n---\nb: 2", "line 2: not YAML"),
        ("a: *b", "line 1: not YAML"),
        ("a: \x00", "not YAML"),
        ("a: !!float x", "not YAML"),
        ("a: !!timestamp x", "not YAML"),
        ("a: " + "1" * 5000, "not YAML"),
        ("? [1]\n: 2", "line 1: not YAML"),
    ],
)
def test_what_is_no_definition_is_named(text: str, fault: str) -> None:
    """What cannot be read is a fault with its line, where there is one: never another kind of error."""
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        Source(text)


@pytest.mark.parametrize("text", ["a: &x [*x]", "&x {a: *x}", BOMB, "a: " + "[" * 600])
def test_what_has_no_end_is_refused(text: str) -> None:
    """A few lines that name themselves, or each other again and again, are refused before anything walks through."""
    with pytest.raises(ValueError, match="not a definition"):
        Source(text)


def test_nothing_is_run() -> None:
    """A tag that makes Python objects is no more than a fault."""
    with pytest.raises(ValueError, match="not YAML"):
        Source("a: !!python/object/apply:os.getcwd []")


def test_date_stays_what_is_written() -> None:
    """A date is a text until its field is checked: one that no calendar has is then a fault of that field."""
    assert Source("min: 2026-02-30").data == {"min": "2026-02-30"}


def test_alias_and_merge_stand_for_what_they_name() -> None:
    """A part that is named once can be used again, whole or with some of it replaced."""
    text = "base: &base {a: 1, b: 2}\nsame: *base\nother:\n  <<: *base\n  b: 3"
    data = Source(text).data
    assert data["same"] == {"a": 1, "b": 2}
    assert data["other"] == {"a": 1, "b": 3}
