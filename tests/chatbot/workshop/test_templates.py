"""The office's work on templates: checked when they come, tried, published, rolled back, removed."""

from __future__ import annotations

import io

import pytest
from docx import Document

from chatbot.assistants.catalogue import Assistants
from chatbot.errors import BrokenTemplate, EditConflict, NotPermitted
from chatbot.store import templates
from chatbot.store.engine import Store
from chatbot.workshop.templates import TemplateWorkshop, Upload

from .conftest import ANNE, BEN


def make_docx(*lines: str) -> bytes:
    """Give a Word file with these paragraphs."""
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read_lines(data: bytes) -> list[str]:
    """Give the paragraphs of a Word file."""
    return [paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs]


GOOD = make_docx("To {{ recipient }}", "{{ body }}")


@pytest.fixture
def desk(store: Store, assistants: Assistants) -> TemplateWorkshop:
    """Give the workshop."""
    return TemplateWorkshop(store, assistants)


def test_template_is_a_draft_until_it_is_published(desk: TemplateWorkshop, store: Store) -> None:
    """An uploaded file is checked, kept with its fields, tried, and in force only once it is published."""
    assert desk.add(Upload("our-letter", "lettre.docx", GOOD, None, "first"), BEN) == 1
    (state,) = desk.list_states()
    assert (state.newest.fields, state.newest.note, state.in_force) == (("recipient", "body"), "first", None)
    filled = desk.fill("our-letter", 1, {"recipient": "Mrs Day", "body": "Hello."}, BEN, "en")
    assert read_lines(filled) == ["To Mrs Day", "Hello."]
    desk.publish("our-letter", 1, BEN)
    found = store.read(templates.find_published, "our-letter")
    assert found is not None and found.version == 1
    assert desk.list_users("our-letter") == ["letters: note"]


def test_field_that_no_form_has_is_refused_with_its_name(desk: TemplateWorkshop) -> None:
    """A typing error in a field is found when the file comes, not when a letter is made of it."""
    with pytest.raises(BrokenTemplate, match=r"recipent.* Did you mean recipient\?") as raised:
        desk.add(Upload("our-letter", "lettre.docx", make_docx("{{ recipent }}"), None), BEN)
    assert raised.value.field == "{{ recipent }}"
    assert desk.list_states() == []


def test_second_of_two_who_upload_is_told(desk: TemplateWorkshop) -> None:
    """Whoever has not seen the newest version adds none."""
    desk.add(Upload("our-letter", "lettre.docx", GOOD, None), ANNE)
    with pytest.raises(EditConflict, match="anne added version 1"):
        desk.add(Upload("our-letter", "autre.docx", GOOD, None), BEN)


def test_roll_back_says_from_which_version(desk: TemplateWorkshop) -> None:
    """The way back is a new version with the old file."""
    for base, text in ((None, "{{ body }}"), (1, "{{ body }}!")):
        version = desk.add(Upload("our-letter", "lettre.docx", make_docx(text), base), BEN)
        desk.publish("our-letter", version, BEN)
    assert desk.roll_back("our-letter", 1, "no shouting", BEN) == 3
    newest = desk.list_versions("our-letter")[0]
    assert (newest.note, newest.published_at is not None) == ("From version 1. no shouting", True)
    assert read_lines(desk.fill("our-letter", 3, {"body": "Hello"}, BEN, "en")) == ["Hello"]


def test_only_a_superadmin_removes(desk: TemplateWorkshop) -> None:
    """Removing takes the files away for good, and is a superadmin's."""
    desk.add(Upload("our-letter", "lettre.docx", GOOD, None), BEN)
    with pytest.raises(NotPermitted):
        desk.remove("our-letter", BEN)
    desk.remove("our-letter", ANNE)
    assert desk.list_states() == []
