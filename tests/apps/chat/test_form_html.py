"""Forms as HTML: every type of field, the places of messages, and nothing hostile interpreted."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from apps.chat.form_html import render_form, render_sender
from apps.chat.writing_texts import WORDS
from chatbot.assistants.definition import Assistant, parse_assistant
from chatbot.opening import STORY_PROMPT
from chatbot.store.story_prompts import TEAM, StoryPrompt
from tests.conftest import ROOT

TODAY = date(2026, 3, 14)
HOSTILE = "</textarea></select><script>alert(1)</script>\"' onfocus=alert(2) x='&lt;"
VOID = {"input", "br"}
WRITER = f"""
kind: writer
title: {{en: Clerk, fr: Greffier}}
prompt: Write.
form:
  - {{name: tone, type: choice, label: {{en: Tone}}, default: plain, choices: [{{value: plain, label: {{en: Plain}}}},
     {{value: warm, label: {{en: Warm}}}}]}}
  - {{name: sender_name, label: {{en: Your name}}, stays_in_browser: true}}
documents:
  - name: note
    title: {{en: Note, fr: "Note : courte"}}
    description: {{en: A short note.}}
    form:
      - {{name: subject, label: {{en: Subject}}, help: {{en: What it is about.}}, required: true, max_length: 80}}
      - {{name: body, type: long_text, label: {{en: Body}}, default: {json.dumps(HOSTILE)}}}
      - {{name: due, type: date, label: {{en: Due}}, default: today, min: 2026-01-01}}
      - {{name: copies, type: number, label: {{en: Copies}}, min: 1, max: 9}}
      - {{name: address, type: email, label: {{en: Address}}}}
      - {{name: registered, type: checkbox, label: {{en: Registered}}, default: true}}
      - {{name: reason, type: choice, label: {{en: Reason}}, choices: [{{value: none, label: {{en: None}}}}]}}
    text: {{en: "{{{{ subject }}}}"}}
  - name: memo
    title: {{en: {json.dumps(HOSTILE)}}}
    layout: mail
    text: {{en: Hello}}
"""


class Reader(HTMLParser):
    """Reads HTML as a browser does, and complains of what is not well nested."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def find(self, name: str) -> dict[str, str | None]:
        """Give the attributes of the control of this name."""
        return next(marks for _, marks in self.elements if marks.get("name") == name)


@pytest.fixture(scope="module")
def clerk() -> Assistant:
    """Give a writer with a field of every type."""
    return parse_assistant(WRITER, "clerk")


def show(clerk: Assistant, document: str | None = "note", language: str = "en") -> Reader:
    """Render a form and read it."""
    return Reader(render_form(clerk, clerk.find_document(document), language, TODAY))


class TestForm:
    """The form of one kind of document."""

    def test_browser_checks_what_the_definition_says(self, clerk: Assistant) -> None:
        """Types, limits, defaults and what is required stand in the controls."""
        form = show(clerk)
        assert form.find("subject").items() >= {"required": None, "maxlength": "80", "type": "text"}.items()
        assert (
            form.find("due").items() >= {"type": "date", "value": "2026-03-14", "min": "2026-01-01"}.items()
        )
        assert (
            form.find("copies").items() >= {"type": "number", "min": "1", "max": "9", "step": "any"}.items()
        )
        assert form.find("address")["type"] == "email"
        assert form.find("registered").items() >= {"type": "checkbox", "checked": None}.items()
        assert "required" not in form.find("copies")

    def test_every_control_has_a_label_and_a_place_for_its_message(self, clerk: Assistant) -> None:
        """A label is tied to each control, and so are its help and the place of what is wrong with it."""
        form = show(clerk)
        ids = {marks["id"] for _, marks in form.elements if "id" in marks}
        labelled = {marks["for"] for tag, marks in form.elements if tag == "label"}
        controls = [marks for tag, marks in form.elements if tag in ("input", "select", "textarea")]
        assert len(controls) == 9
        for marks in controls:
            described = str(marks["aria-describedby"]).split()
            assert marks["id"] in labelled
            assert set(described) <= ids
            assert described[-1] == f"{marks['id']}-fault"
        assert "form-subject-help" in str(form.find("subject")["aria-describedby"])

    def test_choices(self, clerk: Assistant) -> None:
        """The default is chosen; where there is none, nothing is."""
        html = render_form(clerk, clerk.find_document("note"), "en", TODAY)
        assert '<option value="plain" selected>Plain</option>' in html
        assert '<option value="">' in html[html.index('name="reason"') :]

    def test_sender_is_apart_and_said_to_stay(self, clerk: Assistant) -> None:
        """What the browser keeps is a folded block of its own that says so."""
        html = render_form(clerk, clerk.find_document("note"), "en", TODAY)
        block = html[html.index('<details class="sender">') : html.index("</details>")]
        assert 'name="sender_name"' in block and 'autocomplete="name"' in block
        assert WORDS["en"]["sender_hint"] in block
        assert html.count('name="sender_name"') == 1
        assert 'id="x-sender_name"' in render_sender(clerk, None, "en", "x")

    def test_nothing_hostile_is_interpreted(self, clerk: Assistant) -> None:
        """Texts of a definition are shown as the characters they are made of."""
        form = show(clerk)
        assert HOSTILE in form.text
        assert not any(
            tag == "script" or any(mark.startswith("on") for mark in marks) for tag, marks in form.elements
        )
        assert HOSTILE in show(clerk, None).text

    def test_there_is_neither_style_nor_script(self, clerk: Assistant) -> None:
        """A site may forbid both: classes and names of deeds are all there is."""
        for document in ("note", None):
            for tag, marks in show(clerk, document).elements:
                assert tag not in ("style", "script")
                assert not {"style", "href", "src", "action"} & marks.keys()

    def test_words_of_the_browsers_findings_come_along(self, clerk: Assistant) -> None:
        """What is said of what the browser finds is in the reader's language, not the browser's."""
        marks = next(marks for tag, marks in show(clerk, language="fr").elements if tag == "form")
        said = json.loads(str(marks["data-words"]))
        assert said["required"] == "Veuillez remplir ce champ."
        assert "{value}" in said["least"]


class TestKinds:
    """The choice of a kind of document."""

    def test_lists_kinds_by_how_they_are_sent(self, clerk: Assistant) -> None:
        """Letters come before mails, each with its name and description."""
        chosen = show(clerk, None)
        names = [marks["data-document"] for tag, marks in chosen.elements if tag == "button"]
        assert names == ["note", "memo"]
        assert [text for text in chosen.text if text in ("Letters", "E-mails")] == ["Letters", "E-mails"]
        assert "A short note." in chosen.text

    def test_french_signs_keep_to_their_word(self, clerk: Assistant) -> None:
        """A title is set as French is."""
        assert "Note\u202f: courte" in show(clerk, None, "fr").text

    def test_unknown_kind_gives_the_choice(self, clerk: Assistant) -> None:
        """A kind that is gone leads back to those that are there."""
        assert "What would you like to write?" in show(clerk, "gone").text


def make_prompt(name: str, owner: str) -> StoryPrompt:
    """Make a prompt."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return StoryPrompt(name, owner, f"<b>{name}</b>", "Once.", None, (), False, 1, owner, now, now)


def test_story_prompts_can_be_chosen() -> None:
    """One's own prompts are offered before the team's; none is chosen at first."""
    teller = parse_assistant("kind: story\ntitle: {en: Tales}\nprompt: Tell.\n", "tales")
    prompts = [make_prompt("team", TEAM), make_prompt("mine", "beta-1")]
    html = render_form(teller, None, "en", TODAY, prompts)
    assert re.findall(r'<optgroup label="([^"]+)"', html) == ["Your own", "From the team"]
    assert f'name="{STORY_PROMPT}"' in html and "&lt;b&gt;mine&lt;/b&gt;" in html
    assert "Tell the story" in html
    assert STORY_PROMPT not in render_form(teller, None, "en", TODAY)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_of_the_house_has_a_form(language: str) -> None:
    """All letters and mails that come with the house are shown, well nested, with a label for each control."""
    letters = parse_assistant((ROOT / "data/assistants/letters.yaml").read_text(encoding="utf-8"), "letters")
    assert len(letters.documents) >= 10
    for document in letters.documents:
        form = Reader(render_form(letters, document, language, TODAY))
        controls = [marks["id"] for tag, marks in form.elements if tag in ("input", "select", "textarea")]
        labels = [marks["for"] for tag, marks in form.elements if tag == "label"]
        assert sorted(map(str, controls)) == sorted(map(str, labels))


def test_both_languages_say_all() -> None:
    """What is said in English is said in French."""
    assert WORDS["en"].keys() == WORDS["fr"].keys()
