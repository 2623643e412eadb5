"""How a thread with a form begins: the form checked, and what is sent first so that it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chatbot.assistants.definition import DOCUMENT, DOCUMENT_TITLE, Assistant, DocumentKind
from chatbot.assistants.form import FAULTS, SUMMARY, check_form, echo
from chatbot.assistants.texts import say
from chatbot.errors import InvalidForm, InvalidRequest
from chatbot.store.forms import FormEntry
from chatbot.store.story_prompts import StoryPrompt

# A managed prompt is chosen by its id; title and text are kept with the thread, for it may be changed or deleted.
STORY_PROMPT, STORY_PROMPT_TEXT = "story_prompt", "story_prompt_text"
STORY_MESSAGES = {"en": "Tell me a story.", "fr": "Raconte-moi une histoire."}
# By its hero a story is told from others in a list.
HERO = "hero"
HERO_MESSAGES = {"en": "A story: {hero}", "fr": "Une histoire : {hero}"}


@dataclass(frozen=True, slots=True)
class Opening:
    """A form that was checked, and the message that has it written; both empty where nothing is asked."""

    entries: tuple[FormEntry, ...] = ()
    message: str | None = None


def open_thread(
    assistant: Assistant,
    form: Mapping[str, Any] | None,
    language: str,
    *,
    today: date,
    prompts: Mapping[str, StoryPrompt] | None = None,
) -> Opening:
    """Check the form that a thread is started with.

    Args:
        language: the reader's.
        prompts: the story prompts that the tester may choose, by id.

    Raises:
        InvalidForm: with a sentence per field.
        InvalidRequest: a form for an assistant that has none.
    """
    given = dict(form or {})
    if assistant.kind == "documentation":
        if given:
            raise InvalidRequest(f"form: the assistant {assistant.name} asks for none. Leave it out.")
        return Opening()
    if assistant.kind == "story":
        chosen = _choose_prompt(given.pop(STORY_PROMPT, None), prompts or {}, language)
        entries = check_form(assistant.list_fields(None), given, language, today=today)
        hero = next((entry.value for entry in entries if entry.field == HERO), None)
        message = say(HERO_MESSAGES, language).format(hero=hero) if hero else say(STORY_MESSAGES, language)
        return Opening((*entries, *chosen), message)
    document = _choose_document(assistant, given.pop(DOCUMENT, None), language)
    entries = check_form(assistant.list_fields(document), given, language, today=today)
    kind = FormEntry(DOCUMENT, document.name, "choice")
    return Opening((kind, *entries), say(document.title, language))


def _choose_document(assistant: Assistant, given: Any, language: str) -> DocumentKind:
    document = assistant.find_document(given) if isinstance(given, str) else None
    if document is None:
        allowed = ", ".join(known.name for known in assistant.documents)
        sentence = say(FAULTS["required" if given in (None, "") else "choice"], language)
        fault = sentence.format(value=echo(given), allowed=allowed)
        raise _refuse(DOCUMENT, say(DOCUMENT_TITLE, language), fault, language)
    return document


def _choose_prompt(given: Any, prompts: Mapping[str, StoryPrompt], language: str) -> tuple[FormEntry, ...]:
    if given in (None, ""):
        return ()
    prompt = prompts.get(given) if isinstance(given, str) else None
    if prompt is None:
        fault = say(FAULTS["choice"], language).format(value=echo(given), allowed=", ".join(prompts))
        raise _refuse(STORY_PROMPT, STORY_PROMPT, fault, language)
    return (
        FormEntry(STORY_PROMPT, prompt.title, "text"),
        FormEntry(STORY_PROMPT_TEXT, prompt.text, "long_text"),
    )


def _refuse(field: str, label: str, fault: str, language: str) -> InvalidForm:
    return InvalidForm(say(SUMMARY, language).format(fields=label), {field: fault})
