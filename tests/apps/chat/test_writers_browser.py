"""Letters and stories in a browser, on the page and in the widget: forms, drafts and what is made of them.

`SHOTS=FOLDER` keeps pictures.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from playwright.sync_api import Browser, Download, Locator, Page, expect
from pypdf import PdfReader

from chatbot.citations import NO_ANSWER
from chatbot.store import forms
from tests.apps.chat.conftest import PASSWORD, Service, make_session_settings, run_service
from tests.apps.chat.test_accessibility import find_faults
from tests.apps.chat.test_page_browser import Visitor, keep, open_browser
from tests.apps.chat.widget_host import Site, open_site
from tests.openai_server import Answer, OpenAIServer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240)]

PATIENCE_MS = 60_000
LETTER = """**Objet : Résiliation du contrat n° 4711**

Madame, Monsieur,

Je vous informe de ma décision de mettre fin au contrat n° 4711, abonnement de téléphonie mobile, au 31 janvier 2027.

Je vous remercie de me confirmer par écrit la date de fin de ce contrat et de me faire parvenir le décompte définitif.

Je vous prie d'agréer, Madame, Monsieur, l'expression de mes salutations distinguées."""
SHORTER = """**Objet : Résiliation du contrat n° 4711**

Madame, Monsieur,

Je mets fin au contrat n° 4711 au 31 janvier 2027 et vous prie de me le confirmer par écrit.

Veuillez agréer, Madame, Monsieur, mes salutations distinguées."""
MAIL = "**Subject: Follow-up**\n\nDear Sir or Madam,\n\nMay I ask how my request stands?\n\nYours faithfully,"
CHAPTERS = (
    "# Nour and the radio\n\n## The voice in the attic\n\nThe radio had been silent for years when it coughed.",
    "## Up on the roof\n\nNour climbed through the hatch, and the voice went with her.",
)
FILLED_IN = {
    "contract": "abonnement de téléphonie mobile",
    "contract_number": "4711",
    "end_date": "2027-01-31",
    "recipient_name": "Télécom SA",
    "recipient_address": "1 rue du Port\n69001 Lyon",
    "place": "Nantes",
}
SENDER = {"sender_name": "Jeanne Martin", "sender_address": "3 rue Haute\n44000 Nantes"}
THEMES: tuple[Any, ...] = ("light", "dark")


@dataclass(frozen=True, slots=True)
class House:
    """A service, the model behind it, and a site that embeds the widget."""

    service: Service
    model: OpenAIServer
    site: Site


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run one service with the house's own assistants and a scripted model."""
    with (
        OpenAIServer() as model,
        Site().run() as site,
        make_session_settings(
            tmp_path_factory.mktemp("writers"),
            chat_model="openai:fake",
            openai_base_url=model.url,
            openai_api_key="sk-test",
            allowed_origins=site.origin,
            rate_limit="1000/minute",
        ) as settings,
        run_service(settings) as service,
    ):
        site.service = service.url
        yield House(service, model, site)


@pytest.fixture(scope="module")
def jeanne(browser: Browser, house: House) -> Iterator[Visitor]:
    """Give a French tester who has come in and agreed, and stays."""
    visitor = open_browser(
        browser, house.service.url, locale="fr-FR", viewport={"width": 1280, "height": 1000}
    )
    visitor.page.context.set_default_timeout(PATIENCE_MS)
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield visitor.come_in().agree()
    assert visitor.complaints == []
    visitor.page.context.close()


def fill_in(form: Locator, values: dict[str, str]) -> None:
    """Fill in a form's fields."""
    for name, value in values.items():
        form.locator(f"[name={name}]").fill(value)


def fetch(page: Page, button: Locator) -> tuple[Download, bytes]:
    """Press a button that downloads, and give the file."""
    with page.expect_download() as waiting:
        button.click()
    return waiting.value, waiting.value.path().read_bytes()


def read_docx(data: bytes) -> str:
    """Give the words of a Word file, those in tables too."""
    document = Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def read_pdf(data: bytes) -> str:
    """Give the words of a PDF, on one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def choose_cancellation(visitor: Visitor) -> Locator:
    """Go from an empty conversation to the form of a letter of cancellation."""
    visitor.page.click("#fresh")
    visitor.see(".assistant.is-writer").click()
    visitor.see("[data-do=kind][data-document=cancellation]").click()
    return visitor.see("form.form")


def write_letter(visitor: Visitor, house: House) -> Locator:
    """Have a letter of cancellation written, and give its turn."""
    house.model.default = Answer(LETTER)
    form = choose_cancellation(visitor)
    fill_in(form, FILLED_IN)
    form.locator("[type=submit]").click()
    visitor.see("article.turn[data-state=complete] .draft")
    return visitor.turns("complete").last


def test_letter_from_choice_to_file(jeanne: Visitor, house: House) -> None:
    """A letter of cancellation in French: a mistake seen at its field, a draft, "plus court", Word and PDF files."""
    page = jeanne.page
    jeanne.see(".chooser")
    keep(jeanne, "letters-chooser")
    form = choose_cancellation(jeanne)
    expect(page.locator("#brand h1")).to_have_text("Lettres et courriels")
    fill_in(form, FILLED_IN | {"contract_number": "", "notice": "13"})
    form.locator("[type=submit]").click()
    number = form.locator("[name=contract_number]")
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(form.locator("#form-contract_number-fault")).to_have_text("Veuillez remplir ce champ.")
    expect(form.locator("#form-notice-fault")).to_have_text("12 au plus.")
    keep(jeanne, "letters-form")
    fill_in(form, {"contract_number": "4711", "notice": "3"})
    expect(form.locator("#form-contract_number-fault")).to_be_empty()
    form.locator(".sender summary").click()
    fill_in(form, SENDER)
    house.model.answer(LETTER, delay_s=0.01)
    house.model.answer(SHORTER)
    form.locator("[type=submit]").click()
    first = page.locator("article.turn[data-state=complete]")
    expect(first.locator(".draft")).to_be_visible()
    expect(first.locator(".bubble")).to_have_text("Lettre de résiliation")
    first.locator(".given summary").click()
    expect(first.locator(".given [data-field=recipient_name] dd")).to_have_text("Télécom SA")
    expect(first.locator(".given")).not_to_contain_text("Jeanne Martin")
    first.locator(".given summary").click()
    keep(jeanne, "letters")
    page.get_by_role("button", name="Plus court").click()
    expect(jeanne.turns("complete")).to_have_count(2)
    draft = jeanne.turns("complete").last
    expect(draft.locator(".answer-text")).to_contain_text("Je mets fin au contrat")
    asked = str(house.model.requests[-1].body["messages"])
    assert "Plus court" in asked and "Télécom SA" in asked and "Jeanne Martin" not in asked
    name, word = fetch(page, draft.locator("[data-format=docx]"))
    assert name.suggested_filename.endswith(".docx")
    _, pdf = fetch(page, draft.locator("[data-format=pdf]"))
    for text in (" ".join(read_docx(word).split()), read_pdf(pdf)):
        for words in ("Jeanne Martin", "Télécom SA", "69001 Lyon", "4711", "Je mets fin au contrat"):
            assert words in text
    thread = page.url.partition("thread=")[2]
    stored = house.service.services.store.read(forms.read_form, thread)
    assert stored["contract_number"] == "4711"
    assert not [field for field in stored if field.startswith("sender_")]


def test_half_filled_form_outlives_a_refresh(jeanne: Visitor) -> None:
    """What was filled in stands in the form again, the sender too; a lost network takes nothing from it."""
    form = choose_cancellation(jeanne)
    fill_in(form, {"contract": "électricité"})
    form.locator("[name=registered]").check()
    form.locator(".sender summary").click()
    fill_in(form, SENDER)
    jeanne.page.reload()
    form = jeanne.see("form.form")
    expect(form.locator("[name=contract]")).to_have_value("électricité")
    expect(form.locator("[name=registered]")).to_be_checked()
    expect(form.locator("[name=sender_name]")).to_have_value("Jeanne Martin")
    assert jeanne.page.evaluate("Object.keys(localStorage)").count("guichet-sender") == 1
    form.locator("[name=contract]").focus()
    feed = jeanne.page.locator("#feed-log template")
    mark = str(feed.get_attribute("data-mark"))
    jeanne.page.evaluate("() => { dispatchEvent(new Event('offline')); dispatchEvent(new Event('online')); }")
    expect(feed).not_to_have_attribute("data-mark", mark)
    expect(form.locator("[name=contract]")).to_be_focused()
    jeanne.page.go_back()
    jeanne.see("[data-do=kind]")
    jeanne.page.go_forward()
    form = jeanne.see("form.form")
    expect(form.locator("[name=contract]")).to_have_value("électricité")
    fill_in(form, {"contract": ""})


def test_draft_edited_by_hand(jeanne: Visitor, house: House) -> None:
    """What is edited takes the draft's place, over a refresh too; copies and files are made of it."""
    turn = write_letter(jeanne, house)
    turn.locator("[data-do=edit]").click()
    field = turn.locator(".wording")
    expect(field).to_be_focused()
    field.fill(field.input_value().replace("Je vous remercie", "Merci"))
    expect(turn.locator(".answer-text")).to_be_hidden()
    jeanne.page.reload()
    turn = jeanne.page.locator("article.turn.is-edited")
    expect(turn.locator(".wording")).to_have_value(re.compile("Merci de me confirmer"))
    turn.locator("[data-do=copyDraft]").click()
    expect(turn.locator("[data-do=copyDraft].is-done")).to_be_visible()
    copied = jeanne.page.evaluate(
        "async () => { const [item] = await navigator.clipboard.read(); const read = async (type) => "
        "(await item.getType(type)).text(); return [await read('text/plain'), await read('text/html')]; }"
    )
    assert copied[0].startswith("Objet : Résiliation") and "Merci de me confirmer" in copied[0]
    assert copied[1].startswith("<p>Objet")
    _, word = fetch(jeanne.page, turn.locator("[data-format=docx]"))
    assert "Merci de me confirmer" in read_docx(word)
    turn.locator("[data-do=edit]").click()
    expect(jeanne.turns("complete").last.locator(".answer-text")).to_contain_text("Je vous remercie")


def test_mail_too_long_for_a_link_is_said(jeanne: Visitor, house: House) -> None:
    """A mail that no mail program would take by a link is not cut: a sentence says what to do instead."""
    jeanne.page.click("#fresh")
    jeanne.see(".assistant.is-writer").click()
    jeanne.see("[data-do=kind].is-mail").last.click()
    form = jeanne.see("form.form")
    house.model.default = Answer(
        f"**Objet : Suivi**\n\nBonjour,\n\n{'Encore un mot. ' * 200}\n\nCordialement,"
    )
    for field in form.locator("[required]").all():
        kind = field.get_attribute("type")
        field.fill({"date": "2026-05-04", "email": "a@b.example"}.get(kind or "", "Suivi de ma demande"))
    form.locator("[type=submit]").click()
    turn = jeanne.see("article.turn[data-state=complete] .draft")
    turn.locator("[data-do=mail]").click()
    expect(turn.locator("> .fault")).to_contain_text(".eml")
    _, mail = fetch(jeanne.page, turn.locator("[data-format=eml]"))
    assert b"Subject:" in mail


def test_story_to_a_booklet(jeanne: Visitor, house: House) -> None:
    """A story from its form: chapter by chapter, and bound as PDF and EPUB."""
    page = jeanne.page
    for chapter in CHAPTERS:
        house.model.answer(chapter)
    page.click("#fresh")
    jeanne.see(".assistant.is-story").click()
    form = jeanne.see("form.form")
    fill_in(form, {"hero": "Nour", "age": "9"})
    form.locator("[type=submit]").click()
    expect(jeanne.turns("complete")).to_have_count(1)
    page.get_by_role("button", name="Continuer").click()
    expect(jeanne.turns("complete")).to_have_count(2)
    last = jeanne.turns("complete").last
    keep(jeanne, "stories")
    sizes = [
        jeanne.turns("complete")
        .first.locator(f".answer-text {tag}")
        .evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
        for tag in ("h1", "h2", "p")
    ]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3
    _, pdf = fetch(page, last.locator("[data-format=pdf]"))
    _, epub = fetch(page, last.locator("[data-format=epub]"))
    assert "Up on the roof" in read_pdf(pdf)
    assert zipfile.ZipFile(io.BytesIO(epub)).read("mimetype") == b"application/epub+zip"
    # After a refusal the story goes on by a click as before, also when the page is read again.
    house.model.answer(NO_ANSWER)
    jeanne.ask("Quelque chose d'autre", "refused")
    refusal = jeanne.turns("refused")
    expect(refusal.locator(".wishes")).to_be_visible()
    page.reload()
    expect(refusal.locator(".wishes")).to_be_visible()
    keep(jeanne, "stories-declined")
    house.model.answer(CHAPTERS[1])
    refusal.get_by_role("button", name="Continuer").click()
    expect(jeanne.turns("complete")).to_have_count(3)
    expect(refusal.locator(".wishes")).to_be_hidden()


def test_own_story_prompts(jeanne: Visitor) -> None:
    """A tester keeps story prompts: checked at the field, offered in the form, changed, told of a clash, deleted."""
    page = jeanne.page
    page.click("#fresh")
    jeanne.see(".assistant.is-story").click()
    jeanne.see("form.form").locator("[name=hero]").fill("Nour")
    page.get_by_role("button", name="Mes propres consignes").click()
    dialog = jeanne.see("#prompts")
    dialog.get_by_role("button", name="Nouvelle consigne").click()
    form = dialog.locator("form.prompt")
    fill_in(form, {"title": "La lampe", "tags": "soir, mystère"})
    form.locator("[type=submit]").click()
    expect(form.locator("#prompt-text-fault")).to_have_text("Veuillez remplir ce champ.")
    expect(form.locator("[name=text]")).to_be_focused()
    assert find_faults(page) == []
    keep(jeanne, "stories-prompts")
    fill_in(form, {"text": "Une lampe s'éteint."})
    form.locator("[type=submit]").click()
    entry = dialog.locator(".own-prompts li")
    expect(entry).to_contain_text("soir, mystère")
    expect(page.locator("form.form [name=story_prompt] option", has_text="La lampe")).to_have_count(1)
    expect(page.locator("form.form [name=hero]")).to_have_value("Nour")
    entry.locator(".open").click()
    page.evaluate(
        "async () => { const [prompt] = (await (await fetch('api/story_prompts')).json()).filter((one) => one.is_own);"
        "await fetch('api/story_prompts/' + prompt.prompt_id, { method: 'PUT', headers: {'content-type': "
        "'application/json'}, body: JSON.stringify({ ...prompt, title: 'Le phare' }) }); }"
    )
    fill_in(form, {"title": "La bougie"})
    form.locator("[type=submit]").click()
    expect(form.locator("[data-fault]")).to_contain_text("enregistrée ailleurs")
    expect(form.locator("[name=title]")).to_have_value("La bougie")
    expect(entry).to_contain_text("Le phare")
    page.once("dialog", lambda asked: asked.accept())
    entry.locator(".plain").click()
    expect(dialog.locator(".own-prompts")).to_contain_text("Vous n'en avez pas encore")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("theme", THEMES)
def test_page_fits_a_phone_and_everyone(browser: Browser, house: House, theme: Any) -> None:
    """On a phone, by day and by night: nothing sticks out, and axe finds nothing serious in choice, form and draft."""
    phone = open_browser(
        browser,
        house.service.url,
        viewport={"width": 390, "height": 844},
        color_scheme=theme,
        locale="fr-FR",
        has_touch=True,
    )
    phone.page.context.set_default_timeout(PATIENCE_MS)
    phone.come_in().agree()
    page = phone.page
    widths = "[document.documentElement.scrollWidth, document.querySelector('#stage').scrollWidth]"
    phone.see(".chooser")
    assert find_faults(page) == []
    phone.see(".assistant.is-writer").click()
    phone.see("[data-do=kind]")
    assert find_faults(page) == []
    phone.see("[data-do=kind][data-document=cancellation]").click()
    form = phone.see("form.form")
    form.locator("[type=submit]").click()
    expect(form.locator("[name=contract]")).to_be_focused()
    form.locator(".sender summary").click()
    fill_in(form, SENDER)
    assert find_faults(page) == []
    assert max(page.evaluate(widths)) <= 390
    house.model.default = Answer(LETTER)
    fill_in(form, FILLED_IN)
    form.locator("[type=submit]").click()
    turn = phone.see("article.turn[data-state=complete] .draft")
    turn.locator("[data-do=edit]").click()
    assert find_faults(page) == []
    assert max(page.evaluate(widths)) <= 390
    if theme == "dark":
        keep(phone, "letters-phone")
    page.click("#menu-toggle")
    page.click("#logout")
    phone.see("#password")
    assert page.evaluate("localStorage.getItem('guichet-sender')") is None
    assert phone.complaints == []
    page.context.close()


def test_widget_writes_too(browser: Browser, house: House) -> None:
    """In the widget, under a site's strictest policy: a choice, what the server finds at its field, a draft, a file."""
    house.site.options = ""
    visitor = open_site(browser, house.site, viewport={"width": 1200, "height": 900})
    visitor.page.context.set_default_timeout(PATIENCE_MS)
    visitor.arrive().come_in()
    assert find_faults(visitor.page) == []
    visitor.find(".assistant.is-writer").click()
    visitor.find("[data-do=kind].is-mail").last.click()
    form = visitor.find("form.form")
    form.locator("[type=submit]").click()
    missing = form.locator("[aria-invalid]").first
    expect(missing).to_be_focused()
    for field in form.locator("[required]").all():
        kind = field.get_attribute("type")
        field.fill({"date": "2026-05-04", "email": "a@b.example"}.get(kind or "", "My request"))
    form.locator("[name=recipient_email]").fill("office@town")
    form.locator("[type=submit]").click()
    expect(form.locator("#form-recipient_email-fault")).to_contain_text("office@town")
    expect(form.locator("[name=recipient_email]")).to_be_focused()
    assert find_faults(visitor.page) == []
    form.locator("[name=recipient_email]").fill("office@town.example")
    house.model.default = Answer(MAIL)
    form.locator("[type=submit]").click()
    expect(visitor.find(".draft")).to_be_visible()
    if folder := os.environ.get("SHOTS"):
        visitor.panel.screenshot(path=Path(folder) / "letters-widget.png")
    visitor.find("[data-do=edit]").click()
    visitor.find(".wording").fill("Subject: Follow-up\n\nHello,\n\nHow does it stand?")
    assert find_faults(visitor.page) == []
    visitor.page.reload()
    expect(visitor.find(".turn.is-edited .wording")).to_have_value(re.compile("How does it stand"))
    _, mail = fetch(visitor.page, visitor.find("[data-format=eml]"))
    assert b"How does it stand" in mail and b"office@town.example" in mail
    visitor.find("[data-do=say]").first.click()
    expect(visitor.find(".turn[data-status=complete]")).to_have_count(2)
    house.model.answer(NO_ANSWER)
    visitor.find(".turn:last-child [data-do=say]").first.click()
    declined = visitor.find(".turn:last-child[data-status=refused]")
    expect(declined.locator(".wishes [data-do=say]").first).to_be_visible()
    assert find_faults(visitor.page) == []
    visitor.check_quiet()
    visitor.page.context.close()


def test_site_may_fix_the_assistant(browser: Browser, house: House) -> None:
    """`data-assistant` leaves no choice: the widget begins with the kinds of document."""
    house.site.options = 'data-assistant="letters" data-language="fr"'
    visitor = open_site(browser, house.site, viewport={"width": 390, "height": 844})
    visitor.page.context.set_default_timeout(PATIENCE_MS)
    visitor.arrive()
    visitor.launcher.click()
    visitor.find(".login input").fill(PASSWORD)
    visitor.page.keyboard.press("Enter")
    visitor.find("[data-do=accept]").click()
    expect(visitor.find("[data-do=kind]").first).to_be_visible()
    expect(visitor.find(".chooser")).to_have_count(0)
    expect(visitor.box).to_be_hidden()
    visitor.find("[data-do=kind][data-document=cancellation]").click()
    expect(visitor.find("form.form h2")).to_have_text("Lettre de résiliation")
    visitor.check_quiet()
    visitor.page.context.close()
