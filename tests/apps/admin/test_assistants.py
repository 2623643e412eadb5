"""The list of assistants: what is in force and by whom, what is drafted or wrong, how a new one begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.store import drafts, versions

from .conftest import House, find_field, press, read_text

pytestmark = pytest.mark.usefixtures("definitions")


def test_list_shows_kind_version_author_draft_and_fault(house: House, definitions: Path) -> None:
    """Each assistant has its facts; a draft is named with who saved it, a faulty file with line and field."""
    now = house.store.clock()
    house.store.write(drafts.save_draft, "letters", "x: 1", 1, "clara", "", now, revision=0)
    app = house.log_in("assistants")
    (definitions / "support.yaml").write_text("title: {en: Support}\nprompt: 3\n")
    text = read_text(app.run())
    assert "<b>Letters</b>" in text and "Writes letters and mails" in text
    assert "Draft by clara" in text
    assert "support.yaml: line 2: prompt" in text and "Fault in the file" in text
    assert not app.exception and not app.error


def test_list_speaks_french(house: House) -> None:
    """Titles and facts are in the reader's language."""
    text = read_text(house.log_in("assistants", locale="fr-FR"))
    assert "<b>Assistance</b>" in text and "Rédige lettres et courriels" in text and "fichier" in text


def test_fault_of_a_file_is_said_in_french(house: House, definitions: Path) -> None:
    """A faulty file is named with line and field, and what is wrong in the reader's language."""
    (definitions / "support.yaml").write_text("title: {en: Support}\nprompt: 3\n")
    text = read_text(house.log_in("assistants", locale="fr-FR"))
    assert "support.yaml : ligne 2 : prompt : un texte est attendu" in text


def test_what_a_definition_says_is_shown_as_text(house: House, definitions: Path) -> None:
    """A title with HTML in it is the characters it is made of."""
    (definitions / "support.yaml").write_text('title: {en: "<img src=x onerror=alert(1)>"}\nprompt: x\n')
    text = read_text(house.log_in("assistants"))
    assert "&lt;img src=x" in text and "<img" not in text


def test_new_assistant_begins_as_a_draft(house: House) -> None:
    """A name and a kind give a draft of the kind's pattern, in its editor; nothing is published."""
    app = house.log_in("assistants")
    app.text_input(key="new_name").set_value("tales")
    app.selectbox(key="new_kind").set_value("story")
    app = press(app, "Begin a draft")
    assert "Not published yet" in read_text(app) and "Draft by anne" in read_text(app)
    draft = house.store.read(drafts.read_draft, "tales")
    assert draft is not None and "kind: story" in draft.definition
    assert house.store.read(versions.find_newest, "tales") is None


@pytest.mark.parametrize(
    ("name", "said"), [("support", "There is an assistant support already"), ("No!", "no name")]
)
def test_name_that_cannot_be_is_refused(house: House, name: str, said: str) -> None:
    """A name that is taken or is none is refused in one sentence."""
    app = house.log_in("assistants")
    app.text_input(key="new_name").set_value(name)
    app = press(app, "Begin a draft")
    assert said in app.error[0].value.replace("\\", "")


def test_definition_is_imported_as_a_draft(house: House) -> None:
    """An uploaded YAML file becomes a draft under the file's name; a wrong one is refused with line and field."""
    app = house.log_in("assistants")
    app.file_uploader(key="import_file").set_value(
        ("Billing.yaml", b"title: {en: Bills}\nprompt: ''\n", "text/yaml")
    )
    app = press(app.run(), "Import as a draft")
    assert "line 2" in app.error[0].value
    good = "title: {fr: Factures}\nprompt: Réponds.\n".encode()
    app.file_uploader(key="import_file").set_value(("Billing.yaml", good, "text/yaml"))
    app = press(app.run(), "Import as a draft")
    draft = house.store.read(drafts.read_draft, "billing")
    assert draft is not None and draft.definition == good.decode()
    assert find_field(app, "text_area", "Definition (YAML)").value == good.decode()
