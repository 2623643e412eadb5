"""Excerpts: a passage read into sentences, items, rows and code that stand alone."""

from __future__ import annotations

import pytest

from chatbot.excerpts import read_units


def texts(markdown: str) -> list[str]:
    """Give the texts of a passage's units."""
    return [unit.text for unit in read_units(markdown)]


def test_headings_and_rules_are_no_units() -> None:
    """A heading says where, not what."""
    assert texts("# Bans\n\nA ban ends.\n\n---\n\nIt does.") == ["A ban ends.", "It does."]


def test_an_alert_loses_its_marks() -> None:
    """`> [!NOTE]` is a box on one site and noise in an answer; lists in quotes stay lists."""
    units = read_units("> [!NOTE]\n> A ban ends.\n>\n> - by hand\n> - by time")
    assert [(unit.kind, unit.text) for unit in units] == [
        ("sentence", "A ban ends."),
        ("item", "- by hand\n- by time"),
    ]


def test_a_tab_named_again_in_bold_is_named_once() -> None:
    """The label stands above the quote already."""
    assert texts('=== "Limits"\n\n    **Limits**\n\n    A ban ends.') == ["A ban ends."]


def test_scripts_styles_and_comments_are_left_out() -> None:
    """A reader of the page sees nothing of them."""
    assert texts("<style>a { b: c }</style>\n<script>run()</script>A ban <!-- hm -->ends.") == ["A ban ends."]


def test_the_fence_is_longer_than_any_within() -> None:
    """Code that shows a fence would end its own block."""
    assert texts("    ```\n    x\n    ```") == ["````\n```\nx\n```\n````"]
    assert texts("````md\n```\nx\n```\n````") == ["````md\n```\nx\n```\n````"]


@pytest.mark.parametrize("markdown", ["```sh\nrun\n\n  x", "~~~sh\nrun\n\n  x\n~~~"])
def test_code_has_a_closed_fence_and_keeps_its_lines(markdown: str) -> None:
    """A passage may end in the middle of a block; blank lines and indents belong to the code."""
    assert texts(markdown) == ["```sh\nrun\n\n  x\n```"]


def test_code_between_shortcodes_becomes_a_fence() -> None:
    """Hugo and Jekyll write code so."""
    assert texts("{{< highlight yaml >}}\na: b\n{{< /highlight >}}") == ["```yaml\na: b\n```"]


def test_code_within_an_item_keeps_its_blank_lines() -> None:
    """Only the prose of an item is tidied."""
    item = "1. Run:\n\n   ```sh\n   a\n\n\n   b\n   ```"
    assert texts(item) == [item]


def test_a_fence_left_open_in_an_item_is_closed() -> None:
    """The citation behind it would become code."""
    assert texts("- Run:\n  ```sh\n  a") == ["- Run:\n  ```sh\n  a\n  ```"]


def test_levels_without_end_are_drawn_together() -> None:
    """A page refuses to show lists nested without end."""
    found = "\n".join(texts("\n".join("  " * depth + "- x" for depth in range(40))))
    assert max(len(line) - len(line.lstrip()) for line in found.split("\n")) <= 12


def test_a_table_gives_its_rows_with_their_head() -> None:
    """A row alone does not tell what its cells are."""
    units = read_units(
        "| Name   | Meaning |\n| ------ | ------- |\n| `A`    | one     |\n|        |         |"
    )
    assert [(unit.kind, unit.text, unit.head) for unit in units] == [
        ("row", "| `A` | one |", "| Name | Meaning |\n| --- | --- |")
    ]


def test_what_a_sentence_announces_knows_it() -> None:
    """A colon, or a line in bold, announces the block that follows."""
    assert [unit.lead for unit in read_units("Do this:\n\n- a\n\nNot this.")] == ["", "Do this:", ""]
    assert [unit.lead for unit in read_units("**Steps**\n\nDo this.")] == ["", "**Steps**"]


def test_the_items_of_a_long_list_are_quoted_one_by_one() -> None:
    """A short list is one unit, a long one is too much for an answer."""
    assert len(texts("\n".join(f"- item {number}" for number in range(10)))) == 1
    assert len(texts("\n".join(f"- item {number} is longer than that" for number in range(20)))) == 20
