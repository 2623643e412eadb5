"""Writes letters and mails from a form: with the model, or without one from the kind's own wording.

A thread begins with a form; its first message asks for the text, each later one is a wish. Without a model the wishes
known by their words are followed by the wording itself, and any other is declined.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

from langchain_core.runnables import Runnable

from chatbot.answer import Draft
from chatbot.assistants.definition import DOCUMENT, Assistant, DocumentKind
from chatbot.assistants.form import FormField
from chatbot.assistants.texts import say
from chatbot.assistants.wording import write_wording
from chatbot.documentation import read_history
from chatbot.errors import GuichetError
from chatbot.events import Event, Html, Sources, Token
from chatbot.generation import Generation
from chatbot.letter_prompts import LetterInput, build_letter_messages
from chatbot.letters.dates import write_date
from chatbot.letters.letter import read_draft, write_draft
from chatbot.markup import escape_markdown
from chatbot.models import OFFLINE
from chatbot.questions import Turn
from chatbot.store import forms
from chatbot.store.engine import Store
from chatbot.streaming import StopSignal
from chatbot.wishes import DraftInfo, Wish, find_wish

# The log's name for what no model wrote.
TEMPLATE = "template"
WISHES = (
    Wish("shorter", {"en": "Shorter", "fr": "Plus court"}),
    Wish("longer", {"en": "Longer", "fr": "Plus long"}),
    Wish("more_formal", {"en": "More formal", "fr": "Plus formel"}),
    Wish("friendlier", {"en": "Friendlier", "fr": "Plus chaleureux"}),
)
# What a wording is given where a wish is followed without a model.
CHANGES = {
    "shorter": {"length": "short"},
    "longer": {"length": "normal"},
    "more_formal": {"tone": "formal"},
    "friendlier": {"tone": "friendly"},
}
DECLINED = {
    "en": "This assistant declines to write that.",
    "fr": "Cet assistant refuse d'écrire cela.",
}
NO_FORM = {
    "en": "No language model is configured: I fill in prepared texts, from a form. Start anew with the form of a "
    "kind of document.",
    "fr": "Aucun modèle de langage n'est configuré : je remplis des textes préparés, à partir d'un formulaire. "
    "Recommencez avec le formulaire d'un type de document.",
}
NO_FREE_WISH = {
    "en": "No language model is configured, so I can follow only these wishes: {wishes}. Anything else you can change "
    "by hand.",
    "fr": "Aucun modèle de langage n'est configuré, je ne peux donc suivre que ces souhaits : {wishes}. Le reste peut "
    "être modifié à la main.",
}


class WriterAnswerer:
    """Writes drafts, for assistants of kind writer."""

    def __init__(self, store: Store, generation: Generation) -> None:
        self._store = store
        self._generation = generation
        self._chain: Runnable[Any, Any] = generation.model

    async def answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        """Write one draft, or decline."""
        assistant = draft.assistant
        if assistant is None:
            raise ValueError("the draft has no assistant")
        values = await self._store.read_async(forms.read_form, turn.thread.thread_id)
        document = assistant.find_document(values.get(DOCUMENT))
        reader = turn.thread.language or turn.language
        language = choose_language(assistant, values, reader)
        history = await read_history(self._store, turn)
        draft.is_personal, draft.empty_refusals = True, DECLINED
        yield Sources(())
        declined = assistant.policy.find([*values.values(), turn.text])
        is_offline = self._generation.model_name == OFFLINE
        if declined or is_offline:
            if declined:
                draft.is_refusal, text = True, declined.refuse(reader)
            else:
                text = self._fill_in(turn, draft, document, values, history, language)
            yield Token(draft.add_plain(text))
            yield Html(draft.html())
        else:
            given = _gather(assistant, document, values, history, turn, language)
            messages = build_letter_messages(given)
            draft.take_material(
                messages, [*values.values(), given.draft, *(asked for asked, _ in history), turn.text]
            )
            stream = self._generation.write(self._chain, messages, draft, signal, language=reader)
            async for event in stream:
                yield event
        draft.info = describe_draft(assistant, values, draft.text, is_template=is_offline, language=reader)

    def _fill_in(
        self,
        turn: Turn,
        draft: Draft,
        document: DocumentKind | None,
        values: Mapping[str, str],
        history: Sequence[tuple[str, str]],
        language: str,
    ) -> str:
        """Give the kind's wording, filled in, as the wishes so far want it."""
        assistant, reader = draft.assistant, turn.thread.language or turn.language
        if assistant is None or document is None or not document.text:
            draft.is_refusal = True
            return say(NO_FORM, reader)
        asked = [question for question, _ in history[1:]] + ([turn.text] if history else [])
        wishes = [find_wish(text, WISHES) for text in asked]
        if wishes and wishes[-1] is None:
            draft.is_refusal = True
            known = ", ".join(wish.say(reader) for wish in WISHES)
            return say(NO_FREE_WISH, reader).format(wishes=known)
        draft.model = TEMPLATE
        fields = assistant.list_fields(document)
        given = prepare_values(fields, values, language, today=self._store.clock().date())
        for wish in filter(None, wishes):
            given |= CHANGES[wish.name]
        # What a tester types is no Markdown: the stars of a contract's number are no emphasis.
        given = {
            name: escape_markdown(value) if isinstance(value, str) else value for name, value in given.items()
        }
        try:
            subject = write_wording(say(document.subject, language), given)
            return write_draft(subject, write_wording(say(document.text, language), given), language)
        except ValueError as error:
            raise GuichetError(
                f"The text of {document.name} cannot be filled in: {error}. The team has to look at it."
            ) from error


def choose_language(assistant: Assistant, values: Mapping[str, str], reader: str) -> str:
    """Give the language a document is written in: the assistant's one, that chosen in the form, or the reader's."""
    chosen = assistant.language or values.get("language") or reader
    return "fr" if chosen == "fr" else "en"


def prepare_values(
    fields: Sequence[FormField], values: Mapping[str, str], language: str, *, today: date
) -> dict[str, str | bool]:
    """Give a form's values as wordings and templates take them.

    Dates are written out, numbers have the language's decimal sign, ticks are true or false; a choice comes with its
    words beside it, under its name and `_label`. What was left empty is empty.
    """
    given: dict[str, str | bool] = {"language": language, "today": write_date(today, language)}
    for field in fields:
        value = values.get(field.name, "")
        if field.type == "checkbox":
            given[field.name] = value == "true"
            continue
        given[field.name] = write_value(field, value, language)
        if field.type == "choice":
            given[field.name] = value
            given[f"{field.name}_label"] = write_value(field, value, language)
    return given


def write_value(field: FormField, value: str, language: str) -> str:
    """Write a form's value for a reader."""
    if not value:
        return ""
    if field.type == "date":
        return write_date(date.fromisoformat(value), language)
    if field.type == "number":
        return value.replace(".", ",") if language == "fr" else value
    if field.type == "choice":
        return next((say(choice.label, language) for choice in field.choices if choice.value == value), value)
    if field.type == "checkbox":
        return {"en": ("no", "yes"), "fr": ("non", "oui")}["fr" if language == "fr" else "en"][
            value == "true"
        ]
    return value


def describe_draft(
    assistant: Assistant, values: Mapping[str, str], text: str, *, is_template: bool, language: str
) -> DraftInfo | None:
    """Say what can be done with a draft; None where its assistant's thread has no kind of document any more."""
    document = assistant.find_document(values.get(DOCUMENT))
    if document is None:
        return DraftInfo("plain", read_draft(text)[0], is_template, language, ("docx", "odt", "pdf"), WISHES)
    return DraftInfo(document.layout, read_draft(text)[0], is_template, language, document.formats, WISHES)


def list_entries(
    assistant: Assistant, values: Mapping[str, str], language: str
) -> list[tuple[str, str, str]]:
    """Give a thread's form for a reader: (field, label, value), in the form's order."""
    document = assistant.find_document(values.get(DOCUMENT))
    fields = assistant.list_fields(document)
    return [
        (field.name, say(field.label, language), write_value(field, values[field.name], language))
        for field in fields
        if field.name in values
    ]


def _gather(
    assistant: Assistant,
    document: DocumentKind | None,
    values: Mapping[str, str],
    history: Sequence[tuple[str, str]],
    turn: Turn,
    language: str,
) -> LetterInput:
    drafts = [answer for _, answer in history if answer]
    return LetterInput(
        instructions=assistant.prompt,
        kind=say(document.title, language) if document else "",
        kind_instructions=document.instructions if document else "",
        language=language,
        entries=[(label, value) for _, label, value in list_entries(assistant, values, language)],
        draft=drafts[-1] if drafts else "",
        wish=turn.text,
        topics=assistant.policy.list_topics(language),
    )
