"""Markdown: front matter, headings of both kinds, code, anchors."""

from __future__ import annotations

import pytest

from chatbot.knowledge.markdown import make_slug, parse_document, parse_plain_text


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


@pytest.mark.parametrize(
    "front_matter", ["---\ntitle: Guide\n...\n", '{\n  "title": "Guide"\n}\n', "---\n\ntitle: Guide\n---\n"]
)
def test_other_forms_of_front_matter_are_read(front_matter: str) -> None:
    """YAML may end in dots, Hugo takes JSON."""
    assert headings(front_matter + "Text") == ["Guide"]


def test_a_title_that_is_no_word_is_none() -> None:
    """A list, or aliases that would unfold without end, names no page."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\ntitle: [*b, *b]\n"
    assert headings(f"---\n{bomb}---\nText") == ["Fallback"]


def test_headings_in_html_count() -> None:
    """With their level, their words and their id; those in comments, scripts and code do not."""
    text = (
        '<h1 align="center">\n  Guide\n</h1>\n\nIntro\n\n<div>\n<h2 id="x">Set <b>up</b></h2>\n<p>a</p>\n</div>\n\n'
        "<!-- <h2>No</h2> -->\n\n<pre>\n<h2>No</h2>\n</pre>\n\n<h3><img src='logo.png'></h3>\n\nb"
    )
    sections = parse_document(text, "Fallback").sections
    assert [(section.heading, section.anchor) for section in sections] == [
        ("Guide", "guide"),
        ("Guide > Set up", "x"),
    ]


@pytest.mark.parametrize(
    ("source", "anchor"),
    [
        ('<a id="mark"></a>\n\n## Use', "mark"),
        ('<a name="mark"></a>\n## Use', "mark"),
        ('## <a id="mark"></a>Use', "mark"),
        ("## Use {/* #mark */}", "mark"),
        ("## Use { #mark .big }", "mark"),
        ("Use {#mark}\n---", "mark"),
    ],
)
def test_an_anchor_of_its_own_comes_first(source: str, anchor: str) -> None:
    """However it is written, beside the heading or in it; alone it is no text of the section before."""
    sections = parse_document(f"# T\n\n{source}\n\ntext", "F").sections
    assert [section.anchor for section in sections] == [anchor]


def test_anchors_are_those_of_the_generator() -> None:
    """A page with MkDocs' signs has MkDocs' slugs; others have GitHub's."""
    page = "# T\n\n## Été & co\nx\n\n## Été & co\ny"
    anchors = [section.anchor for section in parse_document(page + "\n\n!!! note\n\n    z", "F").sections]
    assert anchors == ["ete-co", "ete-co_1"]


def test_no_break_spaces_in_headings_are_spaces() -> None:
    """Between the sign and the words, as some keyboards write it, and within the words; the text keeps them."""
    document = parse_document("#\u00a0Mode d\u2019emploi\n\n##\u202fPourquoi\u00a0?\n\nUn\u00a0mot.", "F")
    assert document.sections[0].heading == "Mode d\u2019emploi > Pourquoi ?"
    assert document.sections[0].blocks[0].text == "Un\u00a0mot."


def test_plain_text_has_paragraphs_and_underlined_headings() -> None:
    """Signs of Markdown mean nothing in it; a line that is underlined is a heading."""
    text = "# no heading\n\nINSTALL\n=======\n\nRun it.\n    * not a list\n\nMore.\n\nDetails\n-------\nEnd."
    document = parse_plain_text(text, "Notes")
    assert [section.heading for section in document.sections] == ["INSTALL", "INSTALL", "INSTALL > Details"]
    assert [block.text for block in document.sections[1].blocks] == ["Run it.\n    * not a list", "More."]


def test_hashes_may_close_a_heading_before_its_attributes() -> None:
    """Markdown Extra and kramdown write `## Words ## {#anchor}`."""
    (section,) = parse_document("## Use C # ## {#use}\ntext", "T").sections
    assert (section.heading, section.anchor) == ("T > Use C #", "use")
