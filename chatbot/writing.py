"""Writes letters and mails from a form: with the model, or without one from the kind's own wording.

A thread begins with a form; its first message asks for the text, each later one is a wish. Without a model the wishes
known by their words are followed by the wording itself, and any other is declined.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, tzinfo
from itertools import chain
from typing import Any

from langchain_core.runnables import Runnable

from chatbot.answer import DRAFTED, Draft
from chatbot.assistants.definition import DOCUMENT, Assistant, DocumentKind, Format
from chatbot.assistants.form import FormField
from chatbot.assistants.texts import say
from chatbot.assistants.wording import write_wording
from chatbot.errors import GuichetError
from chatbot.events import Event, Html, Sources, Token
from chatbot.followups import pair_turns
from chatbot.generation import Generation
from chatbot.letter_prompts import LetterInput, build_letter_messages
from chatbot.letters.dates import read_date, write_date
from chatbot.letters.letter import read_draft, write_draft
from chatbot.markup import escape_markdown
from chatbot.models import OFFLINE
from chatbot.prompts import clean_material
from chatbot.questions import Turn
from chatbot.store import forms, templates, threads
from chatbot.store.engine import Store
from chatbot.streaming import StopSignal
from chatbot.text import is_blank
from chatbot.wishes import DraftInfo, Wish, find_wish

# The files that any letter can become.
LETTER_FORMATS: tuple[Format, ...] = ("docx", "odt", "pdf")
# The log's name for what no model wrote.
TEMPLATE = "template"
WISHES = (
    Wish(
        "shorter",
        {"en": "Shorter", "fr": "Plus court"},
        ("Plus courte", "Shorten", "Raccourcis", "Raccourcissez"),
    ),
    Wish("longer", {"en": "Longer", "fr": "Plus long"}, ("Plus longue", "Lengthen", "Allonge", "Allongez")),
    Wish("more_formal", {"en": "More formal", "fr": "Plus formel"}, ("Plus formelle",)),
    Wish(
        "friendlier",
        {"en": "Friendlier", "fr": "Plus chaleureux"},
        ("Plus chaleureuse", "Plus amical", "Plus amicale", "More friendly", "Warmer"),
    ),
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
NO_TEXT = {
    "en": "No language model is configured, and for this kind of document there is no prepared text.",
    "fr": "Aucun modèle de langage n'est configuré, et il n'y a pas de texte préparé pour ce type de document.",
}
NO_OTHER_TEXT = {
    "en": "No language model is configured, and the prepared text has no other version for this wish. You can change "
    "it by hand.",
    "fr": "Aucun modèle de langage n'est configuré, et le texte préparé n'a pas d'autre version pour ce souhait. Vous "
    "pouvez le modifier à la main.",
}
NO_FREE_WISH = {
    "en": "No language model is configured, so I can follow only these wishes: {wishes}. Anything else you can change "
    "by hand.",
    "fr": "Aucun modèle de langage n'est configuré, je ne peux donc suivre que ces souhaits : {wishes}. Le reste peut "
    "être modifié à la main.",
}


class WriterAnswerer:
    """Writes drafts, for assistants of kind writer.

    Args:
        zone: of the calendar by which a letter is written today.
    """

    def __init__(self, store: Store, generation: Generation, zone: tzinfo = UTC) -> None:
        self._store = store
        self._zone = zone
        self._generation = generation
        self._chain: Runnable[Any, Any] = generation.model

    async def answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        """Write one draft, or decline."""
        assistant = draft.assistant
        if assistant is None:
            raise ValueError("the draft has no assistant")
        draft.is_personal, draft.empty_refusals = True, DECLINED
        values = await self._store.read_async(forms.read_form, turn.thread.thread_id)
        document = assistant.find_document(values.get(DOCUMENT))
        reader = turn.thread.language or turn.language
        language = choose_language(assistant, values, reader)
        history = await self._read_history(turn)
        yield Sources(())
        # What a client brings along of its own was never looked at.
        brought = chain.from_iterable(turn.history or ())
        declined = assistant.policy.find(map(clean_material, [*values.values(), *brought, turn.text]))
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
        formats = await list_formats(self._store, document)
        draft.info = describe_draft(document, formats, draft.text, is_template=is_offline, language=reader)

    async def _read_history(self, turn: Turn) -> list[tuple[str, str]]:
        """Give (wish, draft) pairs, oldest first; a draft that was stopped is one as far as it goes."""
        if turn.history is not None:
            return list(turn.history)
        return pair_turns(await self._store.read_async(threads.list_messages, turn.thread.thread_id), DRAFTED)

    def _fill_in(
        self,
        turn: Turn,
        draft: Draft,
        document: DocumentKind | None,
        values: Mapping[str, str],
        history: Sequence[tuple[str, str]],
        language: str,
    ) -> str:
        """Give the kind's wording, filled in, as the wishes so far want it; decline what it cannot be."""
        assistant, reader = draft.assistant, turn.thread.language or turn.language
        drafts = [text for _, text in history if text]
        wishes = [find_wish(text, WISHES) for text in (*(asked for asked, _ in history), turn.text)]
        declined = None
        if assistant is None or document is None:
            declined = say(NO_FORM, reader)
        elif not document.text:
            declined = say(NO_TEXT, reader)
        elif drafts and wishes[-1] is None:
            known = ", ".join(wish.say(reader) for wish in WISHES)
            declined = say(NO_FREE_WISH, reader).format(wishes=known)
        else:
            fields = assistant.list_fields(document)
            text = self._write(document, fields, values, list(filter(None, wishes)), language)
            if not drafts or text != drafts[-1]:
                draft.model = TEMPLATE
                return text
            declined = say(NO_OTHER_TEXT, reader)
        draft.is_refusal = True
        return declined

    def _write(
        self,
        document: DocumentKind,
        fields: Sequence[FormField],
        values: Mapping[str, str],
        wishes: Sequence[Wish],
        language: str,
    ) -> str:
        today = self._store.clock().astimezone(self._zone).date()
        given = prepare_values(fields, values, language, today=today)
        for wish in wishes:
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
        # Of a thread that is older than the field's type it may be any text.
        day = read_date(value)
        return write_date(day, language) if day else value
    if field.type == "number":
        return value.replace(".", ",") if language == "fr" else value
    if field.type == "choice":
        return next((say(choice.label, language) for choice in field.choices if choice.value == value), value)
    if field.type == "checkbox":
        return {"en": ("no", "yes"), "fr": ("non", "oui")}["fr" if language == "fr" else "en"][
            value == "true"
        ]
    return value


async def list_formats(store: Store, document: DocumentKind | None) -> tuple[Format, ...]:
    """Give the files that a draft of a kind can become; a workbook only while there is one to be filled in.

    Without a kind, or with one that is gone, it is laid out as a letter.
    """
    if document is None:
        return LETTER_FORMATS
    if "xlsx" not in document.formats or document.template is None:
        return document.formats
    published = await store.read_async(templates.find_published, document.template)
    has_workbook = published is not None and published.kind == "xlsx"
    return tuple(format for format in document.formats if format != "xlsx" or has_workbook)


def describe_draft(
    document: DocumentKind | None,
    formats: tuple[Format, ...],
    text: str,
    *,
    is_template: bool,
    language: str,
) -> DraftInfo | None:
    """Say what can be done with a draft; None where nothing was written."""
    if is_blank(text):
        return None
    layout = document.layout if document else "plain"
    return DraftInfo(layout, read_draft(text)[0], is_template, language, formats, WISHES)


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
