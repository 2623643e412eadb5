"""Typesetting: units as Markdown, each piece with its citation."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from chatbot.evidence import list_candidates
from chatbot.typesetting import LONGEST_UNIT, cut_code, set_units


def write(text: str, chosen: list[int] | None = None, language: str = "en") -> str:
    """Write units of one passage, all of them unless told which."""
    candidates, _ = list_candidates("?", "en", [("a.md", "Guide > *Bans*", text)])
    return set_units(range(len(candidates)) if chosen is None else chosen, candidates, [7], language)


def test_a_paragraph_is_one_piece_with_one_citation() -> None:
    """Its sentences are joined as they stood, and what is left out is marked."""
    assert write("One thing. Two things.\n\nThree.") == "One thing. Two things. [7]\n\nThree. [7]"
    assert write("One thing. Two things. Three.", [0, 2]) == "One thing. … Three. [7]"


def test_what_is_announced_belongs_to_its_announcement() -> None:
    """One piece, one citation."""
    assert write("Run:\n\n- a\n- b") == "Run:\n\n- a\n- b [7]"


def test_a_quote_that_opens_with_code_is_headed_by_its_section() -> None:
    """Code alone does not say what it is for."""
    assert write("```\nrun\n```") == "**Bans**\n\n```\nrun\n```\n\n[7]"
    assert write("Do it.\n\n```\nrun\n```") == "Do it. [7]\n\n```\nrun\n```\n\n[7]"


def test_a_tab_is_named_once_over_its_pieces() -> None:
    """The next tab has a name of its own."""
    text = '=== "One"\n\n    A ban.\n\n    B ban.\n\n=== "Two"\n\n    C ban.'
    assert write(text) == "**One**\n\nA ban. [7]\n\nB ban. [7]\n\n**Two**\n\nC ban. [7]"


def test_rows_share_one_head() -> None:
    """They make one table again."""
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"
    assert write(table) == f"**Bans**\n\n{table}\n\n[7]"


def test_a_row_too_long_for_a_table_becomes_a_list() -> None:
    """Each cell stands under its column's name, within the room; a short row after it is a table again."""
    quoted = write(f"| Name | Meaning |\n| --- | --- |\n| `A` | {'word ' * 200}|\n| `B` | short |")
    assert "- Name: `A`\n- Meaning: word word" in quoted
    assert "| Name | Meaning |\n| --- | --- |\n| `B` | short |" in quoted
    assert len(quoted.split("| Name |")[0]) <= LONGEST_UNIT + 20
    kinds = [token.type for token in MarkdownIt("commonmark").enable("table").parse(quoted)]
    assert kinds.count("table_open") == 1


def test_lines_left_out_of_code_are_counted_in_the_readers_language() -> None:
    """Whole lines are shown; one more line is not "1 more lines"."""
    code = "```sh\n" + "\n".join(f"line {number}" for number in range(1, 6)) + "\n```"
    assert (
        cut_code(code, 40, "en")
        == "```sh\nline 1\nline 2\nline 3\nline 4\n```\n\n… one more line in the document"
    )
    assert cut_code(code, 30, "fr").endswith("\n\n… encore 2 lignes dans le document")


def test_a_first_line_too_long_to_show_is_only_counted() -> None:
    """No line is cut inside."""
    assert cut_code("```\n" + "x" * 900 + "\ny\n```", 600, "en") == "… 2 more lines in the document"


def test_long_code_is_cut_and_cited_behind_the_count() -> None:
    """The citation leads to the rest."""
    quoted = write("Run:\n\n```\n" + "\n".join(f"setting {number}" for number in range(200)) + "\n```")
    assert re.search(r"\n```\n\n… \d+ more lines in the document \[7\]$", quoted)
