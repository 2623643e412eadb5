"""How a thread begins: the kind of document, its form, and the message that has it written."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from chatbot.assistants.definition import Assistant, parse_assistant
from chatbot.errors import InvalidForm, InvalidRequest
from chatbot.opening import Opening, open_thread
from chatbot.store.forms import FormEntry
from tests.conftest import ROOT

TODAY = date(2026, 11, 22)
CANCELLATION: dict[str, Any] = {
    "document": "cancellation",
    "contract": "mobile phone contract",
    "contract_number": "4711",
    "end_date": "2026-12-31",
    "recipient_name": "Teapots & Kettles Ltd",
}


def read(name: str) -> Assistant:
    """Give an assistant that ships."""
    return parse_assistant((ROOT / "data/assistants" / f"{name}.yaml").read_text(encoding="utf-8"), name)


@pytest.fixture(scope="module")
def letters() -> Assistant:
    """Give the writer that ships."""
    return read("letters")


def begin(assistant: Assistant, form: dict[str, Any] | None, language: str = "en") -> Opening:
    """Start a thread."""
    return open_thread(assistant, form, language, today=TODAY)


def find_faults(assistant: Assistant, form: dict[str, Any] | None, language: str = "en") -> dict[str, str]:
    """Give what is wrong with a form, by field; it can be sent."""
    with pytest.raises(InvalidForm) as raised:
        begin(assistant, form, language)
    faults = raised.value.fields
    json.dumps([str(raised.value), faults], ensure_ascii=False).encode()
    return faults


@pytest.mark.parametrize(("language", "message"), [("en", "Cancellation"), ("fr", "Lettre de résiliation")])
def test_form_is_kept_and_its_kind_is_what_is_sent_first(
    letters: Assistant, language: str, message: str
) -> None:
    """The kind of document is an entry as the fields are; its title is the message that has it written."""
    opening = begin(letters, CANCELLATION, language)
    assert opening.message == message
    assert FormEntry("document", "cancellation", "choice") in opening.entries
    assert FormEntry("contract_number", "4711", "text") in opening.entries
    assert FormEntry("date", "2026-11-22", "date") in opening.entries


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        (None, "Please fill this in."),
        ("", "Please fill this in."),
        ("poem", "“poem” is not among the choices: formal_letter"),
        ("\ud800", "“” is not among the choices"),
        ([], "“[]” is not among the choices"),
        (1, "“1” is not among the choices"),
        (True, "“True” is not among the choices"),
    ],
)
def test_kind_that_is_none_is_named(letters: Assistant, given: Any, begins: str) -> None:
    """Without a kind, or with one that is none, the field of the kind is what is wrong."""
    faults = find_faults(letters, CANCELLATION | {"document": given})
    assert set(faults) == {"document"}
    assert faults["document"].startswith(begins)
    assert set(find_faults(letters, None)) == {"document"}


def test_faults_are_told_in_the_readers_language(letters: Assistant) -> None:
    """Every field that is wrong is named at once, by sentences in the reader's language."""
    wrong = CANCELLATION | {"end_date": "demain", "contract_number": "", "notice": 99}
    faults = find_faults(letters, wrong, "fr")
    assert faults["contract_number"] == "Veuillez remplir ce champ."
    assert faults["end_date"].startswith("« demain » n'est pas une date")
    assert faults["notice"] == "99, c'est trop : 12 au plus."
    assert len(faults) == 3


@pytest.mark.parametrize("field", ["sender_name", "sender_address", "sender_email", "sender_phone"])
def test_what_stays_in_the_browser_is_refused(letters: Assistant, field: str) -> None:
    """The sender's own fields are not the form's: who sends them is told, and nothing of it is kept."""
    assert set(find_faults(letters, CANCELLATION | {field: "anne@example.org"})) == {field}


def test_documentation_asks_for_nothing() -> None:
    """A form for an assistant that has none is refused; an empty one is as good as none."""
    support = read("support")
    assert begin(support, None) == begin(support, {}) == Opening()
    with pytest.raises(InvalidRequest, match="the assistant support asks for none"):
        begin(support, {"document": "cancellation"})


def test_every_kind_begins_with_what_its_form_asks_for(letters: Assistant) -> None:
    """Of every kind that ships the required fields are those that an empty form is refused for."""
    for document in letters.documents:
        required = {field.name for field in letters.list_fields(document) if field.required}
        missing = set(find_faults(letters, {"document": document.name}))
        assert missing == {name for name in required if _has_no_default(letters, document.name, name)}


def _has_no_default(assistant: Assistant, document: str, name: str) -> bool:
    fields = assistant.list_fields(assistant.find_document(document))
    return next(field.default for field in fields if field.name == name) is None


@pytest.mark.parametrize(
    ("language", "message"),
    [("en", "A story: Nour the otter"), ("fr", "Une histoire : Nour the otter")],
)
def test_story_is_named_for_its_hero(language: str, message: str) -> None:
    """In a list a story is told from others by the first message, which names the hero."""
    assert begin(read("stories"), {"hero": "Nour the otter", "age": 7}, language).message == message
