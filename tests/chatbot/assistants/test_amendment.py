"""A field that is changed in a form changes its own lines in the YAML, and no other."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml

from chatbot.assistants.amendment import amend, write_definition
from tests.conftest import ROOT

TEXT = """# Who it is for.
title: {en: Support, fr: Assistance}
# What it says first.
greeting:
  en: Hello   # not too warm

prompt: |
  Be short.

  # a line of the prompt
# How many.
passages: 5
documents:
  - name: notice
    title: {en: Notice}
    text:
      en: |
        Hello
  # The second.
  - title: &shared
      en: Other
    name: other
    description: *shared
"""


def list_changes(before: str, after: str) -> list[str]:
    """Give the lines that differ, with their signs."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["greeting"], {"en": "Hi"}, ["-   en: Hello   # not too warm", "+   en: Hi"]),
        (["passages"], 3, ["- passages: 5", "+ passages: 3"]),
        (["passages"], None, ["- passages: 5"]),
        (
            ["title", "fr"],
            "Aide",
            ["- title: {en: Support, fr: Assistance}", "+ title:", "+   en: Support", "+   fr: Aide"],
        ),
        (["documents", 0, "name"], "note", ["-   - name: notice", "+   - name: note"]),
        (
            ["documents", 0, "text", "en"],
            "Hi\n{{ x }}\n",
            ["-         Hello", "+         Hi", "+         {{ x }}"],
        ),
        (["documents", 1, "template"], "ours", ["+     template: ours"]),
        (["documents", 0, "subject"], {"en": "x: y"}, ["+     subject:", "+       en: 'x: y'"]),
    ],
)
def test_only_the_lines_of_the_field_change(path: list[int | str], value: Any, expected: list[str]) -> None:
    """Comments, empty lines, order and the way other fields are written stay."""
    assert list_changes(TEXT, amend(TEXT, path, value)) == expected


def test_block_of_text_is_replaced_whole() -> None:
    """A text of several lines is a block; what looks like a comment in it goes with it, the comment below stays."""
    amended = amend(TEXT, ["prompt"], "Be kind.\nBe brief.\n")
    assert "prompt: |\n  Be kind.\n  Be brief.\n# How many.\npassages" in amended
    assert "a line of the prompt" not in amended


def test_same_value_leaves_the_text_as_it_is() -> None:
    """What does not change is not written anew, however it is written."""
    assert amend(TEXT, ["title"], {"en": "Support", "fr": "Assistance"}) is TEXT
    assert amend(TEXT, ["history"], None) is TEXT


def test_field_that_others_refer_to_is_written_anew_with_them() -> None:
    """Where the lines alone cannot be changed the whole is, and says what it should."""
    amended = yaml.safe_load(amend(TEXT, ["documents", 1, "title"], {"en": "New"}))
    assert amended["documents"][1] == {
        "title": {"en": "New"},
        "name": "other",
        "description": {"en": "Other"},
    }


@pytest.mark.parametrize("text", ["", "{}", "{title: {en: A}}", "# only a comment\n"])
def test_text_without_lines_to_change_is_written_anew(text: str) -> None:
    """An empty definition, and one in a single pair of braces, take a field too."""
    amended = yaml.safe_load(amend(text, ["prompt"], "Be short."))
    assert amended["prompt"] == "Be short."


def test_path_that_leads_nowhere_is_refused() -> None:
    """A kind of document that is gone is not made up."""
    with pytest.raises(ValueError, match=r"documents\.7"):
        amend(TEXT, ["documents", 7, "name"], "x")
    with pytest.raises(ValueError, match="passages"):
        amend(TEXT, ["passages", 0], "x")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "data" / "assistants").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_field_of_the_shipped_files_can_be_changed(path: Any) -> None:
    """In the real definitions each field takes a new value, and all others keep theirs."""
    text = path.read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    for name in data:
        assert yaml.safe_load(amend(text, [name], "é\nx: 'y'")) == data | {name: "é\nx: 'y'"}
    # The first and the last of many: each change reads the whole definition.
    documents = list(enumerate(data.get("documents", [])))
    for place, document in [*documents[:1], *documents[-1:]]:
        for name in document:
            amended = amend(text, ["documents", place, name], {"en": "x"})
            assert yaml.safe_load(amended)["documents"][place] == document | {
                "name": document["name"],
                name: {"en": "x"},
            }
            assert len(amended.splitlines()) > len(text.splitlines()) / 2


def test_definition_is_written_for_people() -> None:
    """Texts of several lines are blocks, letters stay letters, fields keep their order."""
    written = write_definition({"title": {"fr": "Été"}, "prompt": "a\nb\n", "examples": {"fr": ["x"]}})
    assert written == "title:\n  fr: Été\nprompt: |\n  a\n  b\nexamples:\n  fr:\n    - x\n"
