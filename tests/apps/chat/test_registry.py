"""Which thread is asked in, with which assistant, and what is asked again: nothing of it is taken for granted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from apps.chat.assistant_api import list_choices
from apps.chat.dossier import Dossier
from apps.chat.page_html import TurnView, render_transcript, render_turn
from apps.chat.registry import NEW_THREAD, Registry, Visit
from apps.chat.services import Services
from chatbot.errors import InvalidRequest, UnknownAssistant, UnknownThread
from chatbot.store import forms
from chatbot.store.forms import FormEntry
from chatbot.storytelling import describe_story
from chatbot.writing import WISHES
from tests.conftest import ROOT, MakeSettings

HELPDESK = """
title: {en: Helpdesk}
greeting: {en: What is broken?}
examples: {en: [Why is it cold?, Why is it hot?]}
prompt: Help.
"""
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def services(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[Services]:
    """Give the parts of a service with two assistants that answer, the writer of letters and the teller of stories."""
    from apps.chat import main

    folder = tmp_path / "assistants"
    folder.mkdir()
    for path in (ROOT / "data" / "assistants").glob("*.yaml"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "helpdesk.yaml").write_text(HELPDESK, encoding="utf-8")
    services = main.build_services(make_settings(publish_interval=0, assistants_dir=folder))
    services.store.start_writer()
    yield services
    await services.turns.close()
    services.store.close()


@pytest.fixture
def registry(services: Services) -> Registry:
    """Give a registry."""
    return Registry(services)


@pytest.fixture
async def visit(services: Services) -> Visit:
    """Give a tester's visit."""
    login, _ = await services.access.open_login("127.0.0.1")
    return Visit(login, "en", "", "source")


class TestThread:
    """The thread that is asked in."""

    async def test_begins_with_the_assistant_that_was_chosen(self, registry: Registry, visit: Visit) -> None:
        """A new conversation is had with the chosen assistant, else with the default one."""
        for chosen, expected in (("new:helpdesk", "helpdesk"), ("", "support")):
            thread, _ = await registry.take_thread(chosen, visit)
            assert thread.assistant == expected

    async def test_is_written_with_its_first_question(
        self, services: Services, registry: Registry, visit: Visit
    ) -> None:
        """Nothing is there of a new conversation before it is asked in; one that is there is not written anew."""
        thread, opening = await registry.take_thread("", visit)
        assert opening is not None
        with pytest.raises(UnknownThread):
            await registry.read_thread(visit, thread.thread_id)
        await services.store.write_async(opening)
        assert await registry.take_thread(thread.thread_id, visit) == (thread, None)

    async def test_form_is_not_passed_by(self, registry: Registry, visit: Visit) -> None:
        """An assistant that begins with a form is not asked without it, and none is made up."""
        with pytest.raises(InvalidRequest, match="form"):
            await registry.take_thread("new:letters", visit)
        with pytest.raises(UnknownAssistant):
            await registry.take_thread(f"new:{HOSTILE}", visit)
        for name in (NEW_THREAD, "new:", "old:helpdesk"):
            with pytest.raises(UnknownThread):
                await registry.take_thread(name, visit)


class TestQuestion:
    """What is asked without being typed."""

    async def test_examples_are_those_of_their_assistant(self, registry: Registry, visit: Visit) -> None:
        """An example is known by its assistant and its place."""
        assert await registry.find_question("example:helpdesk:1", visit) == "Why is it hot?"
        assert (await registry.find_question("example:support:0", visit)).startswith("How do I set")
        for reference in ("example:helpdesk:2", "example:helpdesk:-1", "example:letters:0:1"):
            with pytest.raises((InvalidRequest, UnknownAssistant)):
                await registry.find_question(reference, visit)

    async def test_button_asks_its_own_words(self, registry: Registry, visit: Visit) -> None:
        """A wish is asked in the words that stand on its button, whatever they are."""
        assert await registry.find_question("text:More formal: please", visit) == "More formal: please"


class TestDossier:
    """A writer's thread, as it is shown."""

    async def test_shows_what_was_filled_in_escaped(
        self, services: Services, registry: Registry, visit: Visit
    ) -> None:
        """The form stands above the first draft alone; waiting is called writing, a refusal is no gap of documents."""
        thread, opening = await registry.take_thread("", visit)
        assert opening is not None
        await services.store.write_async(opening)
        thread = replace(thread, assistant="letters")
        entries = (FormEntry("document", "cancellation", "choice"), FormEntry("contract", HOSTILE, "text"))
        await services.store.write_async(forms.add_form, thread.thread_id, entries)
        dossier = await registry.open_dossier(visit, thread)
        assert isinstance(dossier, Dossier)
        first = render_turn(dossier.begin(TurnView("m1", "Letter", "pending"), is_first=True), "en")
        assert "What you filled in" in first and "&lt;script&gt;" in first and HOSTILE not in first
        assert ">Writing<" in first
        later = dossier.begin(TurnView("m3", "Shorter", "refused", html="<p>No.</p>"), is_first=False)
        assert "What you filled in" not in render_turn(later, "en")
        assert "request-documentation" not in render_turn(later, "en")

    async def test_offers_what_still_makes_sense_below_a_refusal(
        self, services: Services, registry: Registry, visit: Visit
    ) -> None:
        """Below a refusal stand the wishes for the draft before it, not a letter's that was declined; else a retry."""
        thread = replace((await registry.take_thread("", visit))[0], assistant="letters")
        refused = TurnView("m9", "Shorter", "refused", html="<p>No.</p>", is_writing=True)
        draft = describe_story("# Ada\n\nOnce.", "en")
        dossier = await registry.open_dossier(visit, thread)
        assert isinstance(dossier, Dossier) and dossier.last is None
        alone = render_turn(dossier.finish(refused, None, ""), "en")
        assert "data-retry" in alone and 'data-do="say"' not in alone
        told = render_turn(replace(dossier, last=draft).finish(refused, None, ""), "en")
        assert told.count('data-do="say"') == 3 and "data-retry" not in told
        letter = replace(dossier, last=replace(draft, layout="letter", wishes=WISHES))
        shown = render_turn(letter.finish(refused, None, ""), "en")
        assert shown.count('data-do="say"') == len(WISHES) - 1 and 'data-wish="shorter"' not in shown

    async def test_answers_from_documents_have_none(self, registry: Registry, visit: Visit) -> None:
        """A thread that began without a form is shown as ever."""
        thread, _ = await registry.take_thread("", visit)
        assert await registry.open_dossier(visit, thread) is None


def test_welcome_offers_every_assistant(services: Services) -> None:
    """An empty conversation shows all assistants, the absent one with its reason, and the default one's examples."""
    choices = list_choices(services, "en")
    assert [assistant.name for assistant, _ in choices] == ["support", "helpdesk", "letters", "stories"]
    shown = render_transcript([], services.assistants.default, "en", choices)
    assert shown.count('data-do="assistant"') == 3
    assert "CHAT_MODEL" in shown
    assert '<div class="intro" data-of="helpdesk" hidden>' in shown
    assert 'data-example="support:0"' in shown and 'data-example="helpdesk:1"' in shown
