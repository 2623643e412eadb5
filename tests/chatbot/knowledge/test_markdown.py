"""Markdown: front matter, headings of both kinds, code, anchors."""

from __future__ import annotations

import pytest

from chatbot.knowledge.markdown import make_slug, parse_document


def headings(text: str) -> list[str]:
    return [section.heading for section in parse_document(text, "Fallback").sections]


def test_sections_are_named_by_their_path() -> None:
    """A section's heading is the page's title and the headings above it, joined by ` > `."""
    text = "# Guide\nIntro\n## Install\na\n#### Linux\nb\n## Use\nc"
    assert headings(text) == ["Guide", "Guide > Install", "Guide > Install > Linux", "Guide > Use"]


def test_setext_headings_count_like_atx_ones() -> None:
    """Underlined headings are of level one and two."""
    assert headings("Guide\n=====\nIntro\n\nInstall\n-------\na\n") == ["Guide", "Guide > Install"]


@pytest.mark.parametrize(
    "front_matter",
    ['---\ntitle : "Tips & Tricks"\nweight: 3\n---\n', "+++\ntitle = 'Tips & Tricks'\n+++\n"],
)
def test_the_title_of_the_front_matter_comes_first(front_matter: str) -> None:
    """YAML or TOML front matter names the page and is no text; a first H1 is then a section like others."""
    document = parse_document(front_matter + "Intro\n# First\na\n## Second\nb", "Fallback")
    assert document.title == "Tips & Tricks"
    assert [section.heading for section in document.sections] == [
        "Tips & Tricks",
        "Tips & Tricks > First",
        "Tips & Tricks > First > Second",
    ]


def test_an_h1_that_repeats_the_title_adds_no_level() -> None:
    """The page's own title stands once in the path."""
    assert headings("---\ntitle: Guide\n---\n# Guide\na\n## Use\nb") == ["Guide", "Guide > Use"]


def test_broken_front_matter_still_gives_its_title() -> None:
    """A line that YAML cannot read does not cost the title."""
    document = parse_document("---\ntitle: My: page\nx: [\n---\nText", "Fallback")
    assert document.title == "My: page"
    assert document.sections[0].blocks[0].text == "Text"


def test_a_rule_at_the_start_is_no_front_matter() -> None:
    """Text between two rules stays text."""
    document = parse_document("---\nJust a sentence\n\n---\n\nMore", "Fallback")
    assert "Just a sentence" in "\n".join(block.text for block in document.sections[0].blocks)


def test_a_page_without_title_takes_the_fallback() -> None:
    """Something always names the page."""
    assert headings("Only text") == ["Fallback"]
    assert headings("## Part\ntext") == ["Fallback > Part"]


def test_hashes_in_code_are_no_headings() -> None:
    """Comments in fences, open fences and indented bodies stay in their section."""
    text = '# Guide\n```sh\n# comment\n```\n=== "Tab"\n\n    # not a heading\n\n~~~\n# open to the end'
    document = parse_document(text, "Fallback")
    assert [section.heading for section in document.sections] == ["Guide"]
    assert [block.kind for block in document.sections[0].blocks] == ["code", "container", "code"]


def test_markup_and_anchors_are_taken_off_headings() -> None:
    """Code ticks, emphasis, links and attributes go; HTML and entities stay as written."""
    text = "# The `USE_X` *setting* [here](a.md) {#use-x}\na\n## Step&nbsp;2 <i>now</i> {: .c #two }\nb\n"
    text += "## A {braces}\nc"
    sections = parse_document(text, "Fallback").sections
    assert sections[0].heading == "The USE_X setting here"
    assert sections[1].headings[1:] == ("Step&nbsp;2 <i>now</i>",)
    assert sections[2].headings[1:] == ("A {braces}",)
    assert [section.anchor for section in sections[:2]] == ["use-x", "two"]


def test_anchors_of_equal_headings_differ() -> None:
    """The second heading of the same words gets `-1`."""
    sections = parse_document("# A page\n## Été & co\nx\n## Été & co\ny", "Fallback").sections
    assert [section.anchor for section in sections] == ["été--co", "été--co-1"]
    assert make_slug("Use `x`: now!") == "use-x-now"


def test_blocks_keep_their_literal_source() -> None:
    """Block by block, the source is all there, tables and nested lists as they were written."""
    body = "One *two*\nthree.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n    - y\n\n> quote"
    section = parse_document(f"# T\n\n{body}", "Fallback").sections[0]
    assert "\n\n".join(block.text for block in section.blocks) == body
    assert [block.kind for block in section.blocks] == ["text", "table", "list", "quote"]


def test_windows_line_ends_change_nothing() -> None:
    """CRLF gives the same sections as LF."""
    text = "# Guide\nIntro\n\n## Use\n```\na\n```\n"
    assert parse_document(text.replace("\n", "\r\n"), "F") == parse_document(text, "F")
