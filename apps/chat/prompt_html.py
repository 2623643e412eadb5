"""The HTML of the dialog in which testers keep story prompts of their own: a list, and the form of one."""

from __future__ import annotations

import json
from datetime import date

from apps.chat.form_html import gather_findings, render_fields
from apps.chat.page_frame import escape, icon
from apps.chat.texts import say
from apps.chat.writing_texts import phrase
from chatbot.assistants.form import Choice, FormField
from chatbot.assistants.texts import Texts
from chatbot.store.story_prompts import LONGEST_TEXT, LONGEST_TITLE

# What the script says of a prompt.
PROMPT_WORDS = (
    "prompt_conflict",
    "prompt_delete",
    "prompt_delete_sure",
    "prompt_draft",
    "prompt_edit",
    "prompt_none",
)


def render_prompts(language: str) -> str:
    """Render the dialog, empty: the script asks for the prompts once it is opened."""
    words = {name: phrase(language, name, title="{title}") for name in PROMPT_WORDS}
    fields = render_fields(_list_fields(), language, date.min, "prompt")
    return (
        f'<dialog id="prompts" aria-labelledby="prompts-title" data-prompt-words="{escape(json.dumps(words))}">'
        f'<div class="dialog-head"><h2 id="prompts-title">{_speak(language, "manage_prompts")}</h2>'
        f'<button type="button" class="tool" data-close-dialog aria-label="{escape(say(language, "close"))}">'
        f'{icon("close")}</button></div><p class="about">{_speak(language, "prompts_hint")}</p>'
        f'<ul class="own-prompts"></ul><p class="buttons"><button type="button" class="ghost" data-do="newPrompt">'
        f"{_speak(language, 'prompt_new')}</button></p>"
        f'<form class="prompt" hidden data-words="{gather_findings(language)}"><div class="fields">{fields}</div>'
        f'<p class="fault" data-fault role="alert"></p><p class="buttons">'
        f'<button type="button" class="ghost" data-do="leavePrompt">{_speak(language, "cancel")}</button>'
        f'<button type="submit" class="solid">{_speak(language, "prompt_save")}</button></p></form></dialog>'
    )


def _list_fields() -> list[FormField]:
    languages = (
        Choice(value="en", label={"en": "English", "fr": "Anglais"}),
        Choice(value="fr", label={"en": "French", "fr": "Français"}),
    )
    return [
        FormField(name="title", label=_label("prompt_title"), required=True, max_length=LONGEST_TITLE),
        FormField(
            name="text", type="long_text", label=_label("prompt_text"), required=True, max_length=LONGEST_TEXT
        ),
        FormField(name="language", type="choice", label=_label("prompt_language"), choices=languages),
        FormField(name="tags", label=_label("prompt_tags"), help=_label("prompt_tags_help"), max_length=400),
        FormField(name="is_draft", type="checkbox", label=_label("prompt_is_draft")),
    ]


def _label(name: str) -> Texts:
    return {"en": phrase("en", name), "fr": phrase("fr", name)}


def _speak(language: str, name: str) -> str:
    return escape(phrase(language, name))
