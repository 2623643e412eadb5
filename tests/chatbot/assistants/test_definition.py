"""What an assistant is: a fault names line and field, and the schema of its form takes what the form takes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chatbot.assistants.definition import Assistant, parse_assistant
from chatbot.assistants.form import check_form
from tests.conftest import ROOT

WRITER = """kind: writer
title: {en: Notes, fr: Notes}
prompt: Write notes.
form:
  - {name: sender_name, label: {en: Your name}, stays_in_browser: true}
  - {name: tone, label: {en: Tone}}
documents:
  - name: note
    title: {en: Note, fr: Mot}
    form:
      - {name: matter, label: {en: Matter}, required: true}
      - name: kind
        type: choice
        label: {en: Kind}
        choices:
          - {value: short, label: {en: Short}}
    subject: {en: "{{ matter }}"}
    text: {en: "Hello, {{ matter }} {{ kind_label }} {{ tone }} {{ today }} {{ language }}"}
"""
LETTERS = ROOT / "data" / "assistants" / "letters.yaml"


@pytest.fixture(scope="module")
def letters() -> Assistant:
    """Give the writer that ships."""
    return parse_assistant(LETTERS.read_text(encoding="utf-8"), "letters")


def test_small_writer_is_one() -> None:
    """A definition of a few lines is an assistant; its name is its file's."""
    assistant = parse_assistant(WRITER, "notes")
    document = assistant.find_document("note")
    assert document is not None
    assert (assistant.name, assistant.kind, assistant.needs_model) == ("notes", "writer", False)
    assert [field.name for field in assistant.list_fields(document)] == ["matter", "kind", "tone"]
    assert [field.name for field in assistant.list_fields(document, in_browser=True)] == ["sender_name"]
    assert assistant.find_document("letter") is None
    assert parse_assistant(f"name: notes\n{WRITER}", "notes") == assistant


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("prompt: Write notes.", "", "line 1: prompt: Field required"),
        ("prompt: Write notes.", "promt: Write notes.", "line 3: promt: Extra inputs"),
        ("kind: writer", "kind: poet", "line 1: kind: Input should be"),
        ("kind: writer", "kind: story", "line 7: documents: an assistant of kind writer needs them"),
        ("kind: writer", "name: other", "line 1: name: it is that of the file, notes"),
        ("{name: tone, label: {en: Tone}}", "{name: Tone, label: {en: Tone}}", "line 6: form.1.name"),
        ("name: tone", "name: matter", "line 10: documents.0.form: matter is there twice"),
        ("name: tone", "name: document", "line 10: documents.0.form: document is there twice"),
        ("required: true", "required: perhaps", "line 11: documents.0.form.0.required"),
        ("type: choice", "type: chioce", "line 13: documents.0.form.1.type"),
        ("value: short", "value: no", "line 16: documents.0.form.1.choices.0.value"),
        ("{en: Short}", "{de: Kurz}", "line 16: documents.0.form.1.choices.0.label.de"),
        ('"{{ matter }}"', '"{{ matter "', "line 17: documents.0.subject.en: line 1 of it"),
        (
            "{{ tone }}",
            "{{ tune }}",
            "line 18: documents.0.text.en: no field that is sent with the form is named tune",
        ),
        ("{{ tone }}", "{{ sender_name }}", "line 18: documents.0.text.en: no field that is sent"),
        ("{{ tone }}", "{{ tone > 3 }}", "line 18: documents.0.text.en: '>' not supported"),
        ("    text:", "    formats: [docx, xlsx]\n    text:", "line 18: documents.0.formats: xlsx is filled"),
        ("    text:", "    formats: [epub]\n    text:", "line 18: documents.0.formats: epub is for stories"),
        ("    text:", "    template: Our Letter\n    text:", "line 18: documents.0.template"),
    ],
)
def test_fault_names_line_and_field(before: str, after: str, fault: str) -> None:
    """Each mistake is told with the line and the field it stands in."""
    assert WRITER.count(before) >= 1
    with pytest.raises(ValueError, match="line") as raised:
        parse_assistant(WRITER.replace(before, after, 1), "notes")
    assert any(line.startswith(fault) for line in str(raised.value).splitlines()), raised.value


def test_all_faults_are_told_at_once() -> None:
    """Who mends a file hears of every field that is wrong, not of the first alone."""
    text = WRITER.replace("required: true", "required: perhaps").replace("kind: writer", "kind: poet")
    with pytest.raises(ValueError, match="kind") as raised:
        parse_assistant(text, "notes")
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["Notes", "my notes", "../notes", "1notes", ""])
def test_name_of_the_file_is_a_name(name: str) -> None:
    """A file whose name cannot stand in an address is none of an assistant's."""
    with pytest.raises(ValueError, match="name"):
        parse_assistant(WRITER, name)


def test_documentation_has_no_form() -> None:
    """What would be asked for and never used is a fault."""
    text = "title: {en: Support}\nprompt: x\nform:\n  - {name: a, label: {en: A}}"
    with pytest.raises(ValueError, match=r"line 3: form: an assistant of kind documentation has none"):
        parse_assistant(text, "support")


def test_template_may_be_named_as_the_office_names_it() -> None:
    """Every name that the office gives a template can be written in a definition."""
    text = WRITER.replace("    text:", "    template: our_letter-2\n    formats: [docx, xlsx]\n    text:")
    document = parse_assistant(text, "notes").documents[0]
    assert (document.template, document.formats) == ("our_letter-2", ("docx", "xlsx"))


def fill(assistant: Assistant, name: str) -> dict[str, Any]:
    """Give a form of a kind of document in which every field holds something."""
    given: dict[str, Any] = {"document": name}
    for field in assistant.list_fields(assistant.find_document(name)):
        number = field.min if isinstance(field.min, float) else 3
        samples = {"date": "2026-12-31", "number": number, "email": "a@example.org", "checkbox": True}
        given[field.name] = field.choices[0].value if field.choices else samples.get(field.type, "Something")
    return given


@pytest.mark.parametrize("language", ["en", "fr"])
def test_schema_of_a_writer_tells_the_kinds_apart(letters: Assistant, language: str) -> None:
    """One JSON Schema describes the forms of all kinds: it takes what the form takes, and refuses what it refuses."""
    schema = letters.describe_form(language)
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert len(letters.documents) >= 10
    for document in letters.documents:
        given = fill(letters, document.name)
        validator.validate(given)
        form = {name: value for name, value in given.items() if name != "document"}
        check_form(letters.list_fields(document), form, language, today=date(2026, 11, 22))
        assert not validator.is_valid({**given, "sender_name": "Anne"})
        required = next(field.name for field in document.form if field.required)
        assert not validator.is_valid({name: value for name, value in given.items() if name != required})
    assert not validator.is_valid({})
    assert not validator.is_valid({"document": "poem"})


def test_assistant_without_a_form_has_no_schema() -> None:
    """Documentation asks for nothing before the first question."""
    text = (ROOT / "data" / "assistants" / "support.yaml").read_text(encoding="utf-8")
    assert parse_assistant(text, "support").describe_form("en") is None
