"""PDF: headings, paragraphs, running heads, bullets, divided words."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats.pdf import UnreadablePdf, convert_pdf
from tests.chatbot.knowledge.files import make_pdf


def test_larger_letters_are_headings_with_their_page() -> None:
    """The size of most letters is the text's; each larger one is a level, and the anchor opens the page."""
    text = "words of the text " * 20
    written = convert_pdf(make_pdf([f"# Guide\n{text}\n## Install\n{text}", f"## Use\n{text}"]))
    headings = [line for line in written.split("\n") if line.startswith("#")]
    assert headings == ["# Guide {#page=1}", "## Install {#page=1}", "## Use {#page=2}"]


def test_lines_become_paragraphs_again() -> None:
    """A paragraph is one line of Markdown, without the line ends of the page."""
    written = convert_pdf(make_pdf(["One two three four. " * 30, "Next."]))
    assert ("One two three four. " * 30).strip() in written


def test_running_heads_and_page_numbers_are_left_out() -> None:
    """What stands at the foot of most pages, but for its number, is no text."""
    written = convert_pdf(
        make_pdf([f"Words of page {number}." for number in range(1, 6)], foot="Manual, page")
    )
    assert "Manual" not in written
    assert "Words of page 5." in written


def test_bullets_become_a_list() -> None:
    """Also where the font does not say which character the bullet is."""
    written = convert_pdf(make_pdf(["Wear:\n<bullet>•</bullet>gloves\n<bullet>•</bullet>goggles"]))
    assert "- gloves" in written
    assert "- goggles" in written


@pytest.mark.parametrize("content", [b"", b"no pdf", make_pdf(["Text."])[:700], make_pdf([])])
def test_what_gives_no_text_is_refused(content: bytes) -> None:
    """The sentence says why, and the operator what to do."""
    with pytest.raises(UnreadablePdf):
        convert_pdf(content)
