"""Cutting: what is never cut, what is repeated at a cut, and which part a piece says it is."""

from __future__ import annotations

import pytest

from chatbot.blocks import split_blocks
from chatbot.knowledge.cutting import LONGEST_PASSAGE, Piece, cut_blocks


def cut(text: str) -> list[Piece]:
    """Cut a section."""
    return cut_blocks(split_blocks(text.split("\n")))


def make_code(lines: int) -> str:
    return "```py\n" + "\n".join(f"line_{number} = {number}" for number in range(lines)) + "\n```"


@pytest.mark.parametrize(
    "text",
    [
        make_code(300),
        "| A | B |\n|---|---|\n" + "\n".join(f"| {number} | {'x' * 40} |" for number in range(100)),
        "<table><thead><tr><th>A</th></tr></thead>\n" + "<tr><td>some cell</td></tr>\n" * 100 + "</table>",
        "<pre>\n" + "a line of output\n" * 200 + "</pre>",
        "{{< highlight sh >}}\n" + "echo and more\n" * 200 + "{{< /highlight >}}",
    ],
)
def test_the_parts_of_a_cut_block_are_numbered(text: str) -> None:
    """Each says which part of how many it is, begins and ends as the block does, and fits a passage."""
    pieces = cut(f"Before.\n\n{text}\n\nAfter.")
    parts = [piece for piece in pieces if piece.parts]
    assert [piece.part for piece in parts] == list(range(1, len(parts) + 1))
    assert {piece.parts for piece in parts} == {len(parts)} != {1}
    opening, closing = text.split("\n")[0][:7], text.split("\n")[-1][-8:]
    assert all(opening in piece.text for piece in parts)
    assert text.startswith("|") or all(closing in piece.text for piece in parts)
    assert max(len(piece.text) for piece in pieces) <= LONGEST_PASSAGE


@pytest.mark.parametrize("text", [make_code(70), "Text. " * 400, "- an item\n" * 300])
def test_what_is_no_cut_code_or_table_has_no_number(text: str) -> None:
    """A whole block, prose and lists are no parts."""
    assert all((piece.part, piece.parts) == (0, 0) for piece in cut(text))


def test_a_passage_holds_a_part_of_one_block_only() -> None:
    """So its number is true of all that was cut in it."""
    pieces = cut(make_code(120) + "\n\n" + make_code(121))
    assert [(piece.part, piece.parts) for piece in pieces] == [(1, 2), (2, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("opening", "prefix", "closing"),
    [
        ('=== "Docker"\n\n', "    ", ""),
        (":::note Long\n\n", "", "\n\n:::"),
        ("> [!NOTE]\n", "> ", ""),
        ("- item:\n\n", "  ", ""),
        ("> Quote:\n>\n", "> ", ""),
    ],
)
def test_code_that_fits_a_passage_is_whole_wherever_it_stands(
    opening: str, prefix: str, closing: str
) -> None:
    """In tabs, alerts, items and quotes too, code is cut only when it alone is longer than a passage."""
    inside = "Some words. " * 60 + "\n\n" + make_code(50) + "\n\n" + "More words. " * 60
    body = "\n".join(prefix + line if line else prefix.rstrip() for line in inside.split("\n"))
    pieces = cut(opening + body + closing)
    assert len(pieces) > 1
    holding = [piece.text for piece in pieces if "line_0 " in piece.text]
    assert len(holding) == 1
    assert all(f"line_{number} = {number}" in holding[0] for number in range(50))
    assert all(piece.text.count("```") in (0, 2) for piece in pieces)
    assert max(len(piece.text) for piece in pieces) <= LONGEST_PASSAGE


def test_a_part_in_a_tab_keeps_its_number_and_the_tab_its_name() -> None:
    """The number reaches through the container."""
    body = "\n".join(f"    {line}" for line in make_code(200).split("\n"))
    parts = [piece for piece in cut(f'=== "Docker"\n\n{body}') if piece.parts]
    assert len(parts) > 1
    assert all(piece.text.startswith('=== "Docker"\n\n    ```py') for piece in parts)


def test_one_huge_row_does_not_cost_the_others_their_header() -> None:
    """A row longer than a passage is cut in itself, under the table's header like every other part."""
    pieces = cut("| Key | Value |\n|---|---|\n| one | " + "word " * 900 + "|\n| two | small |")
    assert len(pieces) > 3
    assert all(piece.text.startswith("| Key | Value |\n|---|---|\n") for piece in pieces)
    assert all(len(piece.text) <= LONGEST_PASSAGE for piece in pieces)
    assert pieces[-1].text.endswith("| two | small |")
