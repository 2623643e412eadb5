"""Office templates: checked when they come, tried with values by hand, published, rolled back, removed."""

from __future__ import annotations

import io

import pytest
from docx import Document
from streamlit.testing.v1 import AppTest

from chatbot.store import templates

from . import conftest
from .conftest import House, find_field, press

pytestmark = pytest.mark.usefixtures("definitions")
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def make_docx(*lines: str) -> bytes:
    """Give a Word file with these paragraphs."""
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read_text(app: AppTest) -> str:
    """Give all that a page says, without the signs that keep it from being Markdown."""
    return conftest.read_text(app).replace("\\", "")


def upload(app: AppTest, data: bytes, filename: str = "Our Letter.docx") -> AppTest:
    """Give the page a file."""
    app.file_uploader[0].set_value((filename, data, WORD))
    return app.run()


def keep(house: House, *lines: str, note: str = "") -> AppTest:
    """Upload a file and keep it as a draft."""
    app = upload(house.log_in("templates"), make_docx(*lines))
    find_field(app, "text_input", "Note").set_value(note)
    return press(app, "Keep as a draft")


def test_file_is_checked_kept_tried_and_published(house: House) -> None:
    """A good file shows its fields, is a draft, is filled in with values by hand, and in force once published."""
    app = upload(house.log_in("templates"), make_docx("To {{ recipient }}", "{{ body }}"))
    assert "The file is good. Fields: 2 (recipient, body)." in read_text(app)
    find_field(app, "text_input", "Note").set_value("first")
    app = press(app, "Keep as a draft")
    assert "our-letter has version 1, a draft." in read_text(app)
    assert app.file_uploader[0].value is None
    find_field(app, "text_input", "recipient").set_value("Mrs Day")
    find_field(app, "text_area", "body").set_value("Hello.")
    app = press(app, "Fill in")
    filled = app.session_state["filled our-letter 1"]
    assert [line.text for line in Document(io.BytesIO(filled)).paragraphs] == ["To Mrs Day", "Hello."]
    assert house.store.read(templates.find_published, "our-letter") is None
    app = app.button(key="publish_template").click().run()
    found = house.store.read(templates.find_published, "our-letter")
    assert found is not None and (found.version, found.note, found.author) == (1, "first", "anne")
    assert "In force" in list(app.dataframe[0].value["state"])


def test_broken_file_is_refused_with_place_and_field(house: House) -> None:
    """A wrong field is named on the spot, with where it stands and what to do; nothing can be kept."""
    app = upload(house.log_in("templates"), make_docx("Hello", "{{ recipent }}"))
    text = read_text(app)
    assert "The file cannot be taken." in text and "<dd>{{ recipent }}</dd>" in text
    assert "Did you mean recipient?" in text and "Our Letter.docx" in text
    assert "Keep as a draft" not in [button.label for button in app.button]
    app = upload(app, b"PK no office file", "<b>.docx")
    assert "&lt;b&gt;.docx" in read_text(app) and not app.exception


def test_broken_file_is_explained_in_french(house: House) -> None:
    """Place, fault and remedy are in the reader's language; the field stays as it is written."""
    app = upload(house.log_in("templates", locale="fr-FR"), make_docx("Hello", "{{ recipent }}"))
    text = read_text(app)
    assert "<dd>paragraphe 2</dd>" in text and "<dd>{{ recipent }}</dd>" in text
    assert "Vouliez-vous dire recipient ? Il y a : " in text


def test_way_back_to_an_earlier_version(house: House) -> None:
    """The next upload of the same name is its next version; the first can be put in force again, with a note."""
    for text in ("{{ body }}", "{{ body }}!"):
        app = keep(house, text)
        app = app.button(key="publish_template").click().run()
    find_field(app, "selectbox", "Version").set_value(1)
    app = app.run()
    app.text_input(key="template_back our-letter").set_value("no shouting")
    app = press(app, "Go back to version 1")
    newest = house.store.read(templates.list_versions, "our-letter")[0]
    assert (newest.version, newest.note) == (3, "From version 1. no shouting")
    assert "Version 3 is in force: it says what version 1 said." in read_text(app)


def test_second_who_uploads_is_told(house: House) -> None:
    """Who began before another added a version is told, and nothing is overwritten."""
    second = upload(house.log_in("templates", name="ben"), make_docx("{{ body }} by Ben"))
    keep(house, "{{ body }} by Anne")
    second = press(second, "Keep as a draft")
    assert "anne added version 1 of our-letter since you began" in read_text(second)
    assert len(house.store.read(templates.list_versions, "our-letter")) == 1


def test_only_a_superadmin_removes(house: House) -> None:
    """An admin sees no way to remove; a superadmin removes after a second thought."""
    keep(house, "{{ body }}")
    app = house.log_in("templates", name="ben")
    assert "Remove the template" not in [button.label for button in app.button]
    app = house.log_in("templates")
    assert app.button(key="remove_template").disabled
    app = app.checkbox(key="template_sure our-letter").check().run()
    app = app.button(key="remove_template").click().run()
    assert house.store.read(templates.list_newest) == []
    assert "There is no template yet" in read_text(app)
