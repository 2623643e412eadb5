"""One assistant's editor: faults at their fields, trials, publication, versions, and two who edit at once."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from chatbot.store import drafts, versions
from chatbot.store.drafts import AssistantDraft
from chatbot.store.versions import Version

from . import conftest
from .conftest import SUPPORT, House, find_field, go, press

pytestmark = pytest.mark.usefixtures("definitions")

SAVE = "Save draft"


def open_editor(
    house: House, assistant: str = "support", *, name: str = "anne", locale: str = "en-GB"
) -> AppTest:
    """Log in and open an assistant's editor."""
    return go(house.log_in(name=name, locale=locale), "assistant", assistant=assistant)


def read_text(app: AppTest) -> str:
    """Give all that a page says, without the signs that keep it from being Markdown."""
    return conftest.read_text(app).replace("\\", "")


def write_prompt(app: AppTest, prompt: str) -> AppTest:
    """Write a prompt into its field and save."""
    find_field(app, "text_area", "Prompt").set_value(prompt)
    return press(app, SAVE)


def read_yaml(app: AppTest) -> str:
    """Give the text in the editor of the whole."""
    return str(find_field(app, "text_area", "Definition (YAML)").value)


def read_draft(house: House, assistant: str = "support") -> AssistantDraft | None:
    """Give the draft in the store."""
    return house.store.read(drafts.read_draft, assistant)


def list_versions(house: House, assistant: str = "support") -> list[Version]:
    """Give the versions in the store, the newest first."""
    return house.store.read(versions.list_versions, assistant)


def publish(app: AppTest, note: str = "") -> AppTest:
    """Publish what is written, with a note."""
    if note:
        find_field(app, "text_input", "Note").set_value(note)
    return app.button(key="publish").click().run()


def test_field_changes_its_lines_and_no_other(house: House) -> None:
    """A prompt changed in its field is changed in the YAML; comments and the rest stay as they were written."""
    app = write_prompt(open_editor(house), "Be kind.\nBe brief.")
    expected = SUPPORT.replace("  Be short.\n", "  Be kind.\n  Be brief.\n")
    draft = read_draft(house)
    assert draft is not None and (draft.definition, draft.author, draft.base_version) == (expected, "anne", 1)
    assert read_yaml(app) == expected
    assert "The draft is saved." in read_text(app)
    assert len(list_versions(house)) == 1


def test_fault_stands_at_its_field_in_the_readers_language(house: House) -> None:
    """An emptied title is told at the title, in French; what was typed stays, nothing is kept."""
    app = open_editor(house, locale="fr-FR")
    for field in app.text_input:
        if field.label.startswith("Titre"):
            field.set_value("")
    app = press(app, "Enregistrer le brouillon")
    assert 'class="g-fault" role="alert">Veuillez remplir ce champ.' in read_text(app)
    assert [field.value for field in app.text_input if field.label.startswith("Titre")] == ["", ""]
    assert read_draft(house) is None


def test_fault_in_the_yaml_names_line_and_field(house: House) -> None:
    """A wrong YAML text is told line by line and stays in the editor."""
    app = open_editor(house)
    wrong = SUPPORT + "passages: 99\n"
    find_field(app, "text_area", "Definition (YAML)").set_value(wrong)
    app = app.button(key="save_yaml").click().run()
    assert "Line 6: passages: Input should be less than or equal to 12" in read_text(app)
    assert read_yaml(app) == wrong
    assert read_draft(house) is None


def test_fault_in_the_yaml_is_said_in_french(house: House) -> None:
    """Of a fault line, field and value stay, and the rest is French, in the list of assistants too."""
    app = open_editor(house, locale="fr-FR")
    find_field(app, "text_area", "Définition (YAML)").set_value(SUPPORT + "passages: 99\n")
    app = app.button(key="save_yaml").click().run()
    assert "Ligne 6\u202f: passages\u202f: 12 au plus" in read_text(app)


def test_what_it_declines_is_a_table(house: House) -> None:
    """A row of the table becomes an entry of the policy, with its words apart and its age."""
    app = open_editor(house)
    row = {"topic_en": "weapons", "words_en": "gun, rifle", "below_age": 12}
    app.session_state["field support 0 policy"] = {"edited_rows": {}, "added_rows": [row], "deleted_rows": []}
    app = press(app, SAVE)
    draft = read_draft(house)
    assert draft is not None
    assert (
        "words:\n        en:\n          - gun\n          - rifle\n      below_age: 12\n" in draft.definition
    )


def test_kind_of_document_is_edited_by_itself(house: House) -> None:
    """Of a writer one kind of document is chosen and changed; the other keeps its lines."""
    app = open_editor(house, "letters", locale="fr-FR")
    find_field(app, "selectbox", "Type de document").set_value(1)
    app = app.run()
    find_field(app, "text_area", "Texte sans modèle de langage (français)").set_value(
        "Merci, {{ recipent }}."
    )
    app = press(app, "Enregistrer le brouillon")
    assert "Aucun champ du formulaire ne s&#x27;appelle recipent." in read_text(app)
    find_field(app, "text_area", "Texte sans modèle de langage (français)").set_value(
        "Merci, {{ recipient }}."
    )
    press(app, "Enregistrer le brouillon")
    draft = read_draft(house, "letters")
    assert draft is not None and "fr: Merci, {{ recipient }}." in draft.definition
    assert 'text: {en: "Dear {{ recipient }},", fr: "Bonjour {{ recipient }},"}' in draft.definition


def test_draft_is_published_and_rolled_back(house: House) -> None:
    """What is published is a version with author and note, seen as a difference before; a way back is another one."""
    app = write_prompt(open_editor(house), "Be kind.")
    assert '<td aria-label="added">+</td><td>prompt: Be kind.</td>' in read_text(app)
    app = publish(app, "kinder")
    assert "Version 2 is in force" in read_text(app)
    assert read_draft(house) is None
    newest = list_versions(house)[0]
    assert (newest.version, newest.author, newest.note) == (2, "anne", "kinder")
    find_field(app, "selectbox", "Version").set_value(1)
    app = app.run()
    app.text_input(key="back note support").set_value("too kind")
    app = press(app, "Go back to version 1")
    assert "Version 3 is in force: it says what version 1 said." in read_text(app)
    newest = list_versions(house)[0]
    assert (newest.definition, newest.note) == (SUPPORT, "From version 1. too kind")
    assert read_yaml(app) == SUPPORT


def test_second_editor_is_told_and_saves_over_it_on_purpose(house: House) -> None:
    """Of two who edit at once the second is told who saved and sees both; saving over it takes a click of its own."""
    second = open_editor(house, name="ben")
    write_prompt(open_editor(house), "Anne was here.")
    second = write_prompt(second, "Ben was here.")
    text = read_text(second)
    assert "anne has saved since you began" in text and "your text is still here" in text
    assert "<td>prompt: Anne was here.</td>" in text and "<td>prompt: Ben was here.</td>" in text
    draft = read_draft(house)
    assert draft is not None and "Anne was here." in draft.definition
    second = second.button(key="save_over").click().run()
    draft = read_draft(house)
    assert draft is not None and "Ben was here." in draft.definition and draft.author == "ben"
    assert "has saved since" not in read_text(second)


def test_second_editor_can_take_what_is_saved(house: House) -> None:
    """Who takes the other's text finds it in the fields."""
    second = open_editor(house, name="ben")
    write_prompt(open_editor(house), "Anne was here.")
    second = write_prompt(second, "Ben was here.")
    second = second.button(key="take_theirs").click().run()
    assert find_field(second, "text_area", "Prompt").value == "Anne was here."


def test_publication_over_anothers_version_is_told_first(house: House) -> None:
    """Who publishes what began from an older version is shown the newer one, and publishes only by a second click."""
    second = write_prompt(open_editor(house, name="ben"), "Ben was here.")
    first = house.log_in()
    house.store.write(
        versions.publish, "support", SUPPORT + "passages: 3\n", "anne", "", house.store.clock(), base=1
    )
    second = publish(second)
    assert "anne has published version 2 since you began" in read_text(second)
    assert "<td>passages: 3</td>" in read_text(second)
    assert len(list_versions(house)) == 2
    publish(second)
    newest = list_versions(house)[0]
    assert (newest.version, newest.author) == (3, "ben") and "Ben was here." in newest.definition
    assert not first.exception


def test_trial_answers_with_the_draft_and_leaves_nothing(house: House) -> None:
    """A question is answered from the documents by what is written; no thread and no message is left."""
    app = open_editor(house)
    find_field(app, "text_input", "Question").set_value("How do I install it with Docker?")
    app = press(app, "Try")
    assert "docker run teapot" in read_text(app)
    assert (
        house.store.read(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM messages").scalar()
        )
        == 0
    )


def test_trial_of_a_letter_asks_for_its_form(house: House) -> None:
    """A writer's form is asked for as testers will be, faults at their fields; a wish goes on with the draft."""
    app = open_editor(house, "letters", locale="fr-FR")
    find_field(app, "text_input", "Jour").set_value("demain")
    app = press(app, "Essayer")
    text = read_text(app)
    assert "Veuillez remplir ce champ." in text and "« demain » n&#x27;est pas une date." in text
    find_field(app, "text_input", "Jour").set_value("")
    find_field(app, "text_input", r"À \*").set_value("Mme <b>Day</b>")
    app = press(app, "Essayer")
    assert "Bonjour Mme &lt;b&gt;Day&lt;/b&gt;," in read_text(app)
    offered = [button.label for button in app.get("download_button")]
    assert {".docx", ".odt", ".pdf"} <= set(offered)
    find_field(app, "text_input", "Continuer").set_value("Plus court")
    assert read_text(press(app, "Essayer")).count('class="g-bubble"') == 4


def test_only_a_superadmin_can_withdraw(house: House) -> None:
    """An admin sees no way to withdraw; a superadmin withdraws after a second thought."""
    assert not [button for button in open_editor(house, name="ben").button if button.label == "Withdraw"]
    app = open_editor(house, "letters")
    assert app.button(key="withdraw").disabled
    app = app.checkbox(key="withdraw sure letters").check().run()
    app = app.button(key="withdraw").click().run()
    assert "letters is withdrawn." in read_text(app)
    assert list_versions(house, "letters")[0].definition == ""


def test_draft_is_discarded(house: House) -> None:
    """A discarded draft leaves what is in force in the fields."""
    app = write_prompt(open_editor(house), "Be kind.")
    app = app.button(key="discard").click().run()
    assert read_draft(house) is None
    assert find_field(app, "text_area", "Prompt").value == "Be short.\n"


def test_unknown_assistant_is_one_sentence(house: House) -> None:
    """An address that names nobody says so."""
    app = open_editor(house, "nobody")
    assert "There is no assistant" in app.error[0].value and not app.exception
