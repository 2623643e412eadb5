"""The office in a browser, in French: a letter's text and prompt edited, published, seen in use, rolled back."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import ROOT, find_chromium
from tests.ports import find_free_port

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]

# What is published holds everywhere within seconds; a machine busy with other tests gets more.
PATIENCE_S = 60.0
START_S = 180.0
TIMEOUT_MS = 90_000
MARK = "Cette phrase vient du guichet."
FORM = {
    "document": "cancellation",
    "contract": "abonnement de téléphonie mobile",
    "contract_number": "A-123",
    "end_date": "2027-01-31",
    "recipient_name": "Télécom SA",
}
# As another program would ask which versions wrote.
READ_VERSIONS = """
import duckdb, json, sys
log = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(log.execute(
    "SELECT assistant_version FROM messages WHERE origin = 'bot' ORDER BY created_at"
).fetchall()))
"""
AUTHORS = """
import duckdb, json, sys
log = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(log.execute(
    "SELECT version, author FROM assistant_versions WHERE assistant = 'letters' ORDER BY version"
).fetchall()))
"""


@dataclass(frozen=True)
class House:
    """Both services, started as `make run` starts them."""

    chat: str
    admin: str
    data: Path

    def write_letter(self) -> str:
        """Have a letter of cancellation written, as a tester would, and give its text."""
        started = self._post("/api/start_chat", {"assistant": "letters", "form": FORM})
        sent = {"thread_id": started["thread_id"], "message": started["message"]}
        return str(self._post("/api/chat", sent, started["token"])["answer"])

    def read_log(self, program: str) -> Any:
        """Give what another program, with the published log open, prints."""
        command = [sys.executable, "-c", program, str(self.data / "conversations.duckdb")]
        return json.loads(subprocess.check_output(command, text=True))

    def _post(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept-Language": "fr"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.chat}{path}", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(response)
            return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Start `python -m apps` on folders of its own, without a model."""
    data, assistants = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("assistants")
    for path in (ROOT / "data" / "assistants").glob("*.yaml"):
        shutil.copy(path, assistants)
    ports = {"CHAT_PORT": str(find_free_port()), "ADMIN_PORT": str(find_free_port())}
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {**inherited, **ports, "DATA_DIR": str(data), "ASSISTANTS_DIR": str(assistants)}
    process = subprocess.Popen(
        [sys.executable, "-m", "apps"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = House(
            f"http://127.0.0.1:{ports['CHAT_PORT']}", f"http://127.0.0.1:{ports['ADMIN_PORT']}", data
        )
        for address in (f"{found.chat}/health/ready", f"{found.admin}/_stcore/health"):
            wait_until(lambda address=address: is_up(address), START_S)  # type: ignore[misc]
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def office(house: House) -> Iterator[Page]:
    """Log in to the admin in French, with the password of the first start."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        page = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="fr-FR").new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(house.admin)
        page.get_by_role("textbox", name="Nom").fill("admin")
        password = (house.data / "private" / "first-admin-password").read_text().strip()
        page.get_by_role("textbox", name="Mot de passe").fill(password)
        page.get_by_role("button", name="Se connecter").click()
        expect(page.get_by_role("heading", name="Vue d'ensemble")).to_be_visible(timeout=TIMEOUT_MS)
        yield page
        browser.close()


def is_up(address: str) -> bool:
    """Tell whether an address answers."""
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own server
            return True
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it was not so in time"
        time.sleep(0.5)


def keep(page: Page, name: str) -> None:
    """Keep a picture of what a person would see, where pictures are wanted."""
    if folder := os.environ.get("SHOTS"):
        # Nothing is being drawn anew any more: tables and buttons that are loaded late are there too.
        expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=TIMEOUT_MS)
        page.mouse.move(0, 0)
        page.screenshot(path=Path(folder) / f"{name}.png")


def say_done(page: Page, words: str) -> None:
    """Wait until the page says what was done."""
    expect(page.get_by_test_id("stAlert").filter(has_text=words)).to_be_visible(timeout=TIMEOUT_MS)


def add_to(page: Page, label: str, text: str) -> None:
    """Write a line below what stands in a field."""
    field = page.get_by_role("textbox", name=label)
    field.fill(f"{field.input_value().rstrip()}\n{text}")


def test_letter_is_edited_published_used_logged_and_rolled_back(house: House, office: Page) -> None:
    """Text and prompt are changed with a mistake in between, published, used within seconds, logged, rolled back."""
    assert MARK not in house.write_letter()
    office.get_by_role("link", name="Assistants").click()
    card = office.locator(".st-key-card_letters")
    expect(card).to_contain_text("Lettres et courriels", timeout=TIMEOUT_MS)
    keep(office, "admin-assistants")
    card.get_by_role("link", name="Ouvrir").click()

    title = office.get_by_role("textbox", name="Titre (français)")
    expect(title).to_have_value("Lettres et courriels", timeout=TIMEOUT_MS)
    choice = office.get_by_role("combobox", name="Type de document").first
    choice.click()
    choice.fill("résiliation")
    office.get_by_role("option", name="Lettre de résiliation").click()
    text = office.get_by_role("textbox", name="Texte sans modèle de langage (français)")
    expect(text).to_have_value(re.compile("mettre fin au contrat"), timeout=TIMEOUT_MS)
    add_to(office, "Texte sans modèle de langage (français)", "{{ contrat }}")
    add_to(office, "Consigne", "Écris simplement.")
    save = office.get_by_role("button", name="Enregistrer le brouillon").first
    save.click()
    expect(office.locator(".g-fault").filter(has_text="contrat").first).to_be_visible(timeout=TIMEOUT_MS)
    text.scroll_into_view_if_needed()
    keep(office, "admin-assistants-fault")
    text.fill(text.input_value().replace("{{ contrat }}", MARK))
    save.click()
    say_done(office, "Le brouillon est enregistré")

    office.get_by_role("tab", name="Publier").click()
    added = office.locator(".g-diff:visible tr.g-added")
    expect(added.filter(has_text=MARK)).to_be_visible(timeout=TIMEOUT_MS)
    expect(added.filter(has_text="Écris simplement.")).to_be_visible()
    keep(office, "admin-assistants-publish")
    office.get_by_role("textbox", name="Note").first.fill("plus simple")
    office.get_by_role("button", name="Publier").click()
    say_done(office, "La version 2 est en vigueur")
    wait_until(lambda: MARK in house.write_letter())
    wait_until(lambda: house.read_log(READ_VERSIONS)[-1] == [2])

    office.get_by_role("tab", name="Versions").click()
    choice = office.get_by_role("combobox", name="Version").last
    choice.click()
    office.get_by_role("option", name="Version 1, fichier").click()
    back = office.get_by_role("button", name="Revenir à la version 1")
    expect(back).to_be_visible(timeout=TIMEOUT_MS)
    office.get_by_text("La dernière", exact=True).click()
    expect(office.locator(".g-diff:visible tr.g-removed").filter(has_text=MARK)).to_be_visible(
        timeout=TIMEOUT_MS
    )
    keep(office, "admin-assistants-versions")
    back.click()
    say_done(office, "La version 3 est en vigueur")
    wait_until(lambda: MARK not in house.write_letter())
    wait_until(lambda: house.read_log(READ_VERSIONS)[-1] == [3])
    assert house.read_log(AUTHORS) == [[1, "file"], [2, "admin"], [3, "admin"]]


def test_draft_is_tried_and_its_text_survives_the_way_to_another_page(house: House, office: Page) -> None:
    """A draft is tried on the spot; what stands unsaved in the YAML is still there after a look elsewhere."""
    threads = house.read_log(READ_VERSIONS)
    office.goto(f"{house.admin}/assistant?assistant=support")
    office.get_by_role("tab", name="YAML").click()
    yaml = office.get_by_role("textbox", name="Définition (YAML)")
    expect(yaml).to_have_value(re.compile("Documentation assistant"), timeout=TIMEOUT_MS)
    # What is typed while Streamlit still draws the page is forgotten.
    office.wait_for_load_state("networkidle")
    expect(office.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    changed = yaml.input_value().replace("Be short and direct", "Be kind")
    yaml.fill(changed)
    office.get_by_role("tab", name="Essayer").click()
    office.get_by_role("textbox", name="Question").fill("Comment définir un mot de passe bêta ?")
    office.get_by_role("tabpanel").filter(visible=True).get_by_role("button", name="Essayer").click()
    expect(office.locator(".g-bot")).to_contain_text("BETA_PASSWORD", timeout=TIMEOUT_MS)
    keep(office, "admin-assistants-try")
    office.get_by_role("link", name="Compte").click()
    expect(office.get_by_role("heading", name="Changer votre mot de passe")).to_be_visible(timeout=TIMEOUT_MS)
    office.get_by_role("link", name="Assistants").click()
    office.locator(".st-key-card_support").get_by_role("link", name="Ouvrir").click()
    office.get_by_role("tab", name="YAML").click()
    expect(yaml).to_have_value(changed, timeout=TIMEOUT_MS)
    assert house.read_log(READ_VERSIONS) == threads


def test_template_and_story_prompt_are_made_in_the_office(office: Page, tmp_path: Path) -> None:
    """A broken Word file is refused with its field, a good one is kept; a story prompt is written; a phone fits."""
    office.get_by_role("link", name="Modèles de fichiers").click()
    # Picked while Streamlit still draws the page, a file is forgotten.
    expect(office.get_by_text("Il n'y a pas encore de modèle de fichier")).to_be_visible(timeout=TIMEOUT_MS)
    office.wait_for_load_state("networkidle")
    picker = office.locator("input[type=file]")
    picker.set_input_files(write_docx(tmp_path / "Essai.docx", "{{ recipient_nom }}"))
    expect(office.locator(".g-broken")).to_contain_text("{{ recipient_nom }}", timeout=TIMEOUT_MS)
    keep(office, "admin-templates-broken")
    office.get_by_role("button", name="Remove Essai.docx").click()
    expect(office.locator(".g-broken")).to_have_count(0, timeout=TIMEOUT_MS)
    picker.set_input_files(write_docx(tmp_path / "Lettre maison.docx", "{{ recipient_name }}\n{{ body }}"))
    say_done(office, "Le fichier est bon")
    office.get_by_role("button", name="Garder comme brouillon").click()
    say_done(office, "lettre-maison a une version 1")
    # The file is kept: it is not offered a second time.
    expect(office.get_by_role("button", name="Remove Lettre maison.docx")).to_have_count(
        0, timeout=TIMEOUT_MS
    )
    keep(office, "admin-templates")

    office.get_by_role("link", name="Consignes d'histoires").click()
    office.get_by_role("button", name="Nouvelle consigne").click()
    office.get_by_role("textbox", name="Titre").fill("Le phare sous la neige")
    office.get_by_role("textbox", name="Texte").fill(
        "Un gardien de phare découvre une lettre dans une bouteille."
    )
    office.get_by_role("textbox", name="Étiquettes").fill("mer, hiver")
    office.get_by_role("button", name="Enregistrer").click()
    say_done(office, "est enregistrée")
    keep(office, "admin-story-prompts")
    office.emulate_media(color_scheme="dark")
    office.set_viewport_size({"width": 390, "height": 844})
    office.goto(f"{office.url.rpartition('/')[0]}/assistant?assistant=letters")
    expect(office.get_by_role("tab", name="Champs")).to_be_visible(timeout=TIMEOUT_MS)
    expect(office.get_by_role("textbox", name="Titre (français)")).to_be_visible(timeout=TIMEOUT_MS)
    assert office.evaluate("document.documentElement.scrollWidth") <= 390
    keep(office, "admin-assistants-phone")


def write_docx(path: Path, text: str) -> Path:
    """Write a Word file with a paragraph per line."""
    document = Document()
    for line in text.splitlines():
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    path.write_bytes(out.getvalue())
    return path
