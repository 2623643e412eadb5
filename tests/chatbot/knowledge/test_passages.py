"""Passages: sizes, cuts, what is repeated, languages, ids."""

from __future__ import annotations

import pytest

from chatbot.knowledge.passages import LONGEST_PASSAGE, USUAL_PASSAGE, make_passages


def texts(body: str) -> list[str]:
    return [passage.text for passage in make_passages(f"# T\n\n{body}", "t.md", "en")]


def test_a_short_section_is_one_passage_of_literal_markdown() -> None:
    """What fits is not cut, and stays as it was written."""
    body = "Some *text*:\n\n```sh\nrun --it\n```\n\n- a\n- b"
    assert texts(body) == [body]


def test_sections_never_share_a_passage() -> None:
    """Each passage has the one heading it is cited by, however short the sections are."""
    passages = make_passages("# T\n## A\none\n## B\ntwo", "docs/t.md", "en")
    assert [(passage.heading, passage.anchor, passage.text) for passage in passages] == [
        ("T > A", "a", "one"),
        ("T > B", "b", "two"),
    ]
    assert {passage.source for passage in passages} == {"docs/t.md"}
    assert {passage.title for passage in passages} == {"T"}


def test_long_sections_are_cut_between_blocks() -> None:
    """Paragraphs fill passages of the usual size, none is torn and none lost."""
    paragraphs = [f"Paragraph {number} " + "word " * 60 for number in range(12)]
    found = texts("\n\n".join(paragraphs))
    assert len(found) > 2
    assert max(map(len, found)) <= USUAL_PASSAGE
    assert [line.strip() for text in found for line in text.split("\n\n")] == [
        line.strip() for line in paragraphs
    ]


def test_code_that_fits_a_passage_is_never_cut() -> None:
    """A block between the usual and the longest size stays whole, with the line that announces it."""
    code = "```py\n" + "\n".join(f"line_{number} = {number}" for number in range(90)) + "\n```"
    assert USUAL_PASSAGE < len(code) < LONGEST_PASSAGE - 50
    found = texts("Before. " * 60 + "\n\nRun this:\n\n" + code)
    assert f"Run this:\n\n{code}" in found


def test_longer_code_is_cut_between_lines_with_its_fence_repeated() -> None:
    """Each part of a long block is a whole code block of its own, and the lines are all there."""
    lines = [f"line_{number} = {number}" for number in range(300)]
    found = texts("```python\n" + "\n".join(lines) + "\n```")
    assert len(found) > 2
    assert all(text.startswith("```python\n") and text.endswith("\n```") for text in found)
    assert [line for text in found for line in text.split("\n")[1:-1]] == lines


def test_longer_tables_are_cut_between_rows_with_their_header_repeated() -> None:
    """Each part of a long table is a table."""
    rows = [f"| `SETTING_{number}` | what it does, at some length |" for number in range(80)]
    head = "| Setting | Meaning |\n| --- | --- |"
    found = texts("\n".join([head, *rows]))
    assert len(found) > 2
    assert all(text.startswith(head) for text in found)
    assert [line for text in found for line in text.split("\n")[2:]] == rows


def test_the_parts_of_a_long_tab_keep_its_name_and_indent() -> None:
    """A container is cut at its own blocks, under its first line each time, and no fence stays open."""
    code = "\n".join(f"    setting_{number}: value" for number in range(120))
    found = texts(f'=== "Docker"\n\n    Use this:\n\n    ```yaml\n{code}\n    ```\n\n    The end.')
    assert len(found) > 1
    assert all(text.startswith('=== "Docker"\n\n    ') for text in found)
    assert all(text.count("```") % 2 == 0 for text in found)
    assert all(f"setting_{number}: value" in "\n".join(found) for number in range(120))


def test_a_fence_in_a_long_list_item_is_closed_at_each_cut() -> None:
    """Code inside a list that is longer than a passage never runs into the next one."""
    code = "\n".join(f"   echo {number} and some more words" for number in range(100))
    found = texts(f"1. First\n2. Second\n\n   ```sh\n{code}\n   ```\n3. Third")
    assert len(found) > 1
    assert all(text.count("```") % 2 == 0 for text in found)


def test_nothing_is_longer_than_a_passage_whatever_the_document() -> None:
    """One endless word, line, item, cell or quote is cut too."""
    endless = "x" * 5000
    for body in (
        endless,
        f"- {endless}",
        f"> {endless}",
        f"| a |\n|---|\n| {endless} |",
        f"```\n{endless}\n```",
        f"<p>{endless}",
    ):
        found = texts(body)
        assert max(map(len, found)) <= LONGEST_PASSAGE
        assert sum(text.count("x") for text in found) == 5000


@pytest.mark.parametrize("mark", ["[", "![", "*a ", "{", "<a "])
def test_a_heading_without_end_is_cut(mark: str) -> None:
    """Its markup is not resolved: that takes time by the square of its length."""
    passage = make_passages(f"# T\n\n## {mark * 100_000}\n\ntext", "t.md", "en")[0]
    assert len(passage.heading) < 1100


@pytest.mark.parametrize("line", ["a", "- a", "> a", "<h2>", "[a", "::: a", "!!! a", "```", "/// a"])
def test_a_long_document_of_short_lines_is_cut_whatever_they_are(line: str) -> None:
    """Time grows with the number of lines: with their square, this test would outlast its limit."""
    passages = make_passages("# T\n\n" + f"{line}\n" * 60_000, "t.md", "en")
    assert max(len(passage.text) for passage in passages) <= LONGEST_PASSAGE
    assert sum(passage.text.count(line) for passage in passages) >= 60_000


def test_parts_are_counted_and_ids_are_stable_and_distinct() -> None:
    """The pieces of a section know their place; the same document gives the same ids, others give others."""
    text = (
        "# T\n" + "\n\n".join(f"Paragraph {number} " + "word " * 100 for number in range(6)) + "\n# T\nagain"
    )
    passages = make_passages(text, "t.md", "en")
    first = [passage for passage in passages if passage.heading == "T"]
    assert [(passage.part, passage.parts) for passage in first] == [(part, 6) for part in range(1, 7)]
    ids = [passage.passage_id for passage in passages]
    assert len(set(ids)) == len(ids)
    assert ids == [passage.passage_id for passage in make_passages(text, "t.md", "en")]
    assert not set(ids) & {passage.passage_id for passage in make_passages(text, "u.md", "en")}


def test_the_language_is_the_folders_or_else_the_texts() -> None:
    """A folder's language wins; elsewhere the prose tells, not the code."""
    french = "# Titre\n\nComment lever un bannissement depuis la ligne de commande.\n\n```\nthe code is in English\n```"
    assert {passage.language for passage in make_passages(french, "a.md")} == {"fr"}
    assert {passage.language for passage in make_passages(french, "en/a.md", "en")} == {"en"}


def test_a_page_without_title_is_named_after_its_file() -> None:
    """The file's name stands in for a title."""
    assert make_passages("Text", "docs/getting-started.md", "en")[0].heading == "Getting started"
