"""What is shown around a draft, and the choice of an assistant: as HTML, without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.chat.chooser_html import render_chooser
from apps.chat.draft_html import DraftView, render_draft, render_given
from chatbot.assistants.definition import Assistant, parse_assistant
from chatbot.storytelling import describe_story
from chatbot.wishes import DraftInfo
from chatbot.writing import WISHES

HOSTILE = "</textarea><script>alert(1)</script>\"'"
LETTER = DraftInfo("letter", "Rent", False, "en", ("docx", "pdf"), WISHES)


@pytest.fixture(scope="module")
def helpdesk() -> Assistant:
    """Give an assistant with a hostile title."""
    return parse_assistant("title: {en: '<i>Desk', fr: Guichet}\nprompt: Help.\n", "helpdesk")


def list_deeds(html: str) -> list[str]:
    """Give the deeds that are offered, in their order."""
    return [part.partition('"')[0] for part in html.split('data-do="')[1:]]


class TestDraft:
    """The tools under a draft."""

    def test_offers_wishes_editing_copies_and_files(self) -> None:
        """A letter can be changed by a click or by hand, copied, and downloaded in each of its formats."""
        html = render_draft(DraftView(LETTER, "Dear Sir,"), "en")
        assert list_deeds(html) == [*["say"] * len(WISHES), "edit", "copyDraft", "file", "file"]
        assert 'data-format="docx"' in html and 'aria-label="Download as .pdf"' in html
        assert ">Shorter</button>" in html

    def test_mail_can_be_opened_in_a_mail_program(self) -> None:
        """A mail has a link to the reader's own program, with the recipient of the form."""
        info = replace(LETTER, layout="mail", formats=("eml",))
        html = render_draft(DraftView(info, "Hello", recipient="a@b.example"), "fr")
        assert list_deeds(html)[-2:] == ["file", "mail"]
        assert 'data-to="a@b.example"' in html

    def test_template_is_said_to_be_one(self) -> None:
        """Where no model wrote it, this is said; where one did, it is not."""
        note = "no language model wrote it"
        assert note in render_draft(DraftView(replace(LETTER, is_template=True), "x"), "en")
        assert note not in render_draft(DraftView(LETTER, "x"), "en")

    def test_chapter_has_booklets_and_is_not_edited(self) -> None:
        """A story's files are of the whole of it; what would be edited by hand would not be in them."""
        html = render_draft(DraftView(describe_story("# Ada\n\nOnce.", "en"), "# Ada\n\nOnce."), "en")
        deeds = list_deeds(html)
        assert deeds.count("booklet") == 2 and deeds.count("say") == 3
        assert not {"edit", "file"} & set(deeds)

    def test_subject_is_edited_without_its_stars(self) -> None:
        """The line of the subject is shown plainly where it is edited; the rest stays Markdown."""
        html = render_draft(DraftView(LETTER, "**Subject:** Rent\n\nIt is **late**."), "en")
        assert ">Subject: Rent\n\nIt is **late**.</textarea>" in html

    def test_text_is_kept_as_it_is(self) -> None:
        """What will be edited is the draft's own text, whatever stands in it."""
        html = render_draft(DraftView(LETTER, HOSTILE), "en")
        assert "<script" not in html
        assert "&lt;/textarea&gt;&lt;script&gt;" in html


def test_form_is_shown_folded() -> None:
    """What was filled in stands under its label, escaped, in the form's order."""
    html = render_given([("due", "Due", "14 March"), ("why", "Why", HOSTILE)], "<Rent>", "en")
    assert html.startswith("<details") and "<b>&lt;Rent&gt;</b>" in html
    assert html.index("14 March") < html.index("&lt;script&gt;")
    assert "<script" not in html


class TestChooser:
    """The choice of an assistant."""

    def test_one_assistant_leaves_no_choice(self, helpdesk: Assistant) -> None:
        """Nothing is shown where there is nothing to choose."""
        assert render_chooser([(helpdesk, None)], "en") == ""

    def test_shows_the_one_that_is_chosen(self, helpdesk: Assistant) -> None:
        """Each is a button with its title; the chosen one is pressed."""
        other = replace_name(helpdesk, "other")
        html = render_chooser([(helpdesk, None), (other, None)], "en", "other")
        assert html.count('data-do="assistant"') == 2 and "&lt;i&gt;Desk" in html
        assert 'data-assistant="other" data-kind="documentation" aria-pressed="true"' in html

    def test_absent_one_is_no_button_and_says_why(self, helpdesk: Assistant) -> None:
        """One that cannot be used is shown with the reason, for whoever reads or hears the page."""
        html = render_chooser([(helpdesk, "Set <CHAT_MODEL>."), (replace_name(helpdesk, "b"), None)], "fr")
        assert html.count("<button") == 1
        assert "Set &lt;CHAT_MODEL&gt;." in html and "Indisponible" in html


def replace_name(assistant: Assistant, name: str) -> Assistant:
    """Give the same assistant under another name."""
    return assistant.model_copy(update={"name": name})
