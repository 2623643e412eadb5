"""Assistants, what they ask for before they write, and what there is to do with their drafts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from apps.chat import wire
from apps.chat.callers import Language, Parts, Tester
from apps.chat.chooser_html import Choice
from apps.chat.form_html import render_form
from apps.chat.services import Services
from chatbot.assistants.definition import DOCUMENT, Assistant, Format
from chatbot.assistants.form import describe_form
from chatbot.errors import AssistantUnavailable, UnknownAssistant
from chatbot.limiter import Limiter
from chatbot.models import name_model
from chatbot.opening import STORY_PROMPT, Opening, open_thread
from chatbot.store import forms, story_prompts
from chatbot.store.records import Login, Message, Thread
from chatbot.store.story_prompts import StoryPrompt
from chatbot.storytelling import describe_story, unavailable_reason
from chatbot.wishes import DraftInfo
from chatbot.writing import TEMPLATE, describe_draft, list_entries, list_formats

router = APIRouter(tags=["assistants"])

FORMS = "60/minute"


class FormState(BaseModel):
    """A form, ready to be shown."""

    html: str = Field(examples=['<form class="form">…</form>'])


@router.get("/api/assistants", response_model=list[wire.AssistantState])
async def list_assistants(services: Parts, login: Tester, language: Language) -> list[wire.AssistantState]:
    """List the assistants, with a JSON Schema of what each asks for."""
    prompts = await list_prompts(services, login)
    return [_state(services, assistant, prompts, language) for assistant in services.assistants.list_all()]


@router.get("/api/assistants/{name}/form", response_model=FormState)
async def show_form(
    name: str, services: Parts, login: Tester, language: Language, document: str | None = None
) -> FormState:
    """Give an assistant's form as HTML, of one kind of document where one is named."""
    assistant = services.assistants.get(name)
    prompts = await list_prompts(services, login) if assistant.kind == "story" else []
    html = render_form(
        assistant,
        assistant.find_document(document),
        language,
        services.store.clock().astimezone(services.settings.zone).date(),
        story_prompts=prompts,
    )
    return FormState(html=html)


def list_choices(services: Services, language: str) -> list[Choice]:
    """Give the assistants that a new conversation may be had with, the default one first."""
    assistants, model = services.assistants, name_model(services.settings)
    found = sorted(assistants.list_all(), key=lambda one: (one != assistants.default, one.name))
    return [(assistant, unavailable_reason(assistant, model, language)) for assistant in found]


async def list_prompts(services: Services, login: Login) -> list[StoryPrompt]:
    """Give the story prompts that a tester may choose: the team's published ones, then his own."""

    def read() -> list[StoryPrompt]:
        team = services.store.read(story_prompts.list_prompts, "", with_drafts=False)
        return [*team, *services.store.read(story_prompts.list_prompts, login.tester)]

    return await asyncio.to_thread(read)


async def open_form(
    services: Services, login: Login, thread: Thread, form: Mapping[str, Any] | None, language: str
) -> Opening:
    """Check the form that a thread is started with.

    Raises:
        AssistantUnavailable: the assistant needs what is not configured.
        InvalidForm, InvalidRequest: the form is filled in wrongly.
        RateLimited: too many forms were sent.
    """
    assistant = services.assistants.get(thread.assistant)
    if reason := unavailable_reason(assistant, name_model(services.settings), language):
        raise AssistantUnavailable(reason)
    prompts = await list_prompts(services, login) if assistant.kind == "story" else []
    opening = open_thread(
        assistant,
        form,
        language,
        today=services.store.clock().astimezone(services.settings.zone).date(),
        prompts={prompt.prompt_id: prompt for prompt in prompts},
    )
    if opening.entries:
        # A thread without a form is a few bytes; one with a form may be tens of thousands, and all are kept.
        await asyncio.to_thread(Limiter(services.store, FORMS, "form").count, login.tester)
    return opening


@dataclass(frozen=True, slots=True)
class ThreadDesk:
    """What a thread with a form is shown with."""

    assistant: Assistant | None
    values: dict[str, str]
    language: str
    formats: tuple[Format, ...] = ()

    def describe(self, message: Message) -> DraftInfo | None:
        """Say what can be done with a message; None where it is no draft."""
        if self.assistant is None or message.origin != "bot" or message.status not in ("complete", "stopped"):
            return None
        if self.assistant.kind == "story":
            return describe_story(message.content, self.language)
        return describe_draft(
            self.assistant.find_document(self.values.get(DOCUMENT)),
            self.formats,
            message.content,
            is_template=message.model == TEMPLATE,
            language=self.language,
        )

    def list_fields(self) -> list[wire.FieldState]:
        """Give the form as it was filled in."""
        if self.assistant is None:
            return []
        return [
            wire.FieldState(field=field, label=label, value=value)
            for field, label, value in list_entries(self.assistant, self.values, self.language)
        ]


async def read_desk(services: Services, thread: Thread, language: str) -> ThreadDesk:
    """Read what a thread is shown with; nothing where its assistant writes no drafts, or is gone."""
    try:
        assistant = services.assistants.get(thread.assistant)
    except UnknownAssistant:
        return ThreadDesk(None, {}, language)
    if assistant.kind == "documentation":
        return ThreadDesk(None, {}, language)
    values = await services.store.read_async(forms.read_form, thread.thread_id)
    formats = await list_formats(services.store, assistant.find_document(values.get(DOCUMENT)))
    return ThreadDesk(assistant, values, thread.language or language, formats)


def _state(
    services: Services, assistant: Assistant, prompts: list[StoryPrompt], language: str
) -> wire.AssistantState:
    reason = unavailable_reason(assistant, name_model(services.settings), language)
    kinds = assistant.documents or (None,)
    sender = {field.name: field for kind in kinds for field in assistant.list_fields(kind, in_browser=True)}
    form = assistant.describe_form(language)
    if assistant.kind == "story" and prompts:
        form = form or describe_form([], language)
        choices = [{"const": prompt.prompt_id, "title": prompt.title} for prompt in prompts]
        form["properties"][STORY_PROMPT] = {"type": "string", "oneOf": choices}
    return wire.AssistantState(
        name=assistant.name,
        kind=assistant.kind,
        title=assistant.say(assistant.title, language),
        description=assistant.say(assistant.description, language),
        form=form,
        sender=describe_form(list(sender.values()), language) if sender else None,
        documents=[
            wire.DocumentState(
                name=document.name,
                title=assistant.say(document.title, language),
                description=assistant.say(document.description, language),
                layout=document.layout,
                formats=list(document.formats),
            )
            for document in assistant.documents
        ],
        available=reason is None,
        reason=reason,
    )
