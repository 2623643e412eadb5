"""The HTML of a form that an assistant asks for: the choice of a kind of document, then the fields of that kind.

Page and widget show the same. All that is not ours is escaped here; there are class names and no styles, deeds by
`data-do` and no scripts. The browser checks first; what the server finds is put into the place under each field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from apps.chat.page_frame import escape
from apps.chat.texts import set_type
from apps.chat.writing_texts import phrase
from chatbot.assistants.definition import Assistant, DocumentKind
from chatbot.assistants.form import FormField
from chatbot.assistants.texts import say
from chatbot.opening import STORY_PROMPT
from chatbot.store.story_prompts import TEAM, StoryPrompt

FINDINGS = ("required", "email_wrong", "number_wrong", "incomplete", "least", "most")
LAYOUTS = {"letter": "letters", "mail": "mails", "plain": "others"}
INPUTS = {"text": "text", "email": "email", "date": "date", "number": "number"}
# So that the browser offers what it knows (WCAG 2.2, 1.3.5).
AUTOCOMPLETE = {
    "sender_name": "name",
    "sender_address": "street-address",
    "sender_email": "email",
    "sender_phone": "tel",
}


def render_form(
    assistant: Assistant,
    document: DocumentKind | None,
    language: str,
    today: date,
    story_prompts: Sequence[StoryPrompt] = (),
) -> str:
    """Render what an assistant asks for before it writes.

    Args:
        document: the kind chosen; None for the choice of one, where the assistant has several.
        today: what a date begins with where its definition says so.
        story_prompts: the managed prompts that a story can be told by.
    """
    if document is None and len(assistant.documents) == 1:
        document = assistant.documents[0]
    if assistant.documents and document is None:
        return _render_kinds(assistant, language)
    fields = assistant.list_fields(document)
    title = say(document.title if document else assistant.title, language)
    about = say(document.description if document else assistant.description, language)
    begun = render_fields(fields, language, today, "form")
    if story_prompts and all(field.name != STORY_PROMPT for field in fields):
        begun = _render_prompts(story_prompts, language) + begun
    back = (
        f'<button type="button" class="back" data-do="kinds">{_speak(language, "back")}</button>'
        if len(assistant.documents) > 1
        else ""
    )
    action = "write_story" if assistant.kind == "story" else "write"
    mandatory = (
        f'<p class="hint">{_speak(language, "mandatory")}</p>' if any(f.required for f in fields) else ""
    )
    return (
        f'<form class="form" data-do="write" data-assistant="{escape(assistant.name)}" data-kind="{assistant.kind}"'
        f' data-document="{escape(document.name if document else "")}"'
        f' data-words="{gather_findings(language)}" aria-labelledby="form-title">'
        f'{back}<h2 id="form-title">{_set(language, title)}</h2><p class="about">{_set(language, about)}</p>{mandatory}'
        f'<div class="fields">{begun}</div>{render_sender(assistant, document, language, "form")}'
        f'<p class="fault" data-fault role="alert"></p>'
        f'<div class="form-end"><button type="submit" class="solid">{_speak(language, action)}</button></div></form>'
    )


def render_sender(assistant: Assistant, document: DocumentKind | None, language: str, place: str) -> str:
    """Render the sender's own block, which the browser alone keeps; empty where there is none.

    Args:
        place: tells the fields of one block from those of another on the same page.
    """
    fields = assistant.list_fields(document, in_browser=True)
    if not fields:
        return ""
    shown = render_fields(fields, language, date.min, place)
    return (
        f'<details class="sender"><summary>{_speak(language, "sender")}</summary>'
        f'<p class="hint">{_speak(language, "sender_hint")}</p><div class="fields">{shown}</div></details>'
    )


def render_fields(fields: Sequence[FormField], language: str, today: date, place: str) -> str:
    """Render fields, each with its label, its help and the place of what is wrong with it.

    Args:
        place: as in `render_sender`.
    """
    return "".join(_render_field(field, language, today, place) for field in fields)


def gather_findings(language: str) -> str:
    """Give what is said of what the browser finds wrong, for an attribute."""
    findings = {name: phrase(language, name, value="{value}") for name in FINDINGS}
    return escape(json.dumps(findings, ensure_ascii=False))


def _render_kinds(assistant: Assistant, language: str) -> str:
    """Render the kinds of document as cards, by how they are sent."""
    parts = []
    order = list(LAYOUTS)
    kinds = sorted(assistant.documents, key=lambda kind: order.index(kind.layout))
    groups = [(layout, list(found)) for layout, found in groupby(kinds, key=lambda kind: kind.layout)]
    for layout, found in groups:
        cards = "".join(_render_kind(kind, language) for kind in found)
        label = f'<h3 class="label">{_speak(language, LAYOUTS[layout])}</h3>' if len(groups) > 1 else ""
        parts.append(f'{label}<ul class="kinds">{cards}</ul>')
    return (
        f'<section class="choice" data-assistant="{escape(assistant.name)}" aria-labelledby="form-title">'
        f'<h2 id="form-title">{_speak(language, "kinds")}</h2>{"".join(parts)}</section>'
    )


def _render_kind(kind: DocumentKind, language: str) -> str:
    return (
        f'<li><button type="button" class="kind is-{kind.layout}" data-do="kind" data-document="{escape(kind.name)}">'
        f"<b>{_set(language, say(kind.title, language))}</b>"
        f"<span>{_set(language, say(kind.description, language))}</span></button></li>"
    )


def _render_field(field: FormField, language: str, today: date, place: str) -> str:
    name = f"{place}-{field.name}"
    label = f'<label for="{name}">{_set(language, say(field.label, language))}'
    if field.required:
        label += '<span class="must" aria-hidden="true"> *</span>'
    label += "</label>"
    hint = _describe(field, language)
    control = _render_control(field, name, language, today, has_help=bool(hint))
    parts = [control, label] if field.type == "checkbox" else [label, control]
    if hint:
        parts.append(f'<p class="hint" id="{name}-help">{hint}</p>')
    return (
        f'<div class="field is-{field.type}" data-field="{field.name}">{"".join(parts)}'
        f'<p class="fault" id="{name}-fault"></p></div>'
    )


def _render_control(field: FormField, name: str, language: str, today: date, *, has_help: bool) -> str:
    value = field.begin(today)
    described = f"{name}-help {name}-fault" if has_help else f"{name}-fault"
    marks = " ".join(_list_marks(field))
    common = f'id="{name}" name="{field.name}" aria-describedby="{described}"{f" {marks}" if marks else ""}'
    if field.type == "long_text":
        return f'<textarea {common} rows="4">{escape(value)}</textarea>'
    if field.type == "choice":
        empty = "" if field.required and value else f'<option value="">{_choose(field, language)}</option>'
        options = "".join(
            f'<option value="{escape(choice.value)}"{" selected" if choice.value == value else ""}>'
            f"{_set(language, say(choice.label, language))}</option>"
            for choice in field.choices
        )
        return f"<select {common}>{empty}{options}</select>"
    if field.type == "checkbox":
        return f'<input type="checkbox" {common} value="true"{" checked" if value == "true" else ""}>'
    return f'<input type="{INPUTS[field.type]}" {common} value="{escape(value)}">'


def _list_marks(field: FormField) -> Iterator[str]:
    """Give what the browser checks by."""
    if field.required:
        yield "required"
    if field.limit:
        yield f'maxlength="{field.limit}"'
    for bound, limit in (("min", field.min), ("max", field.max)):
        if limit is not None:
            yield f'{bound}="{limit.isoformat() if isinstance(limit, date) else f"{limit:g}"}"'
    if field.type == "number":
        yield 'step="any" inputmode="decimal"'
    if field.name in AUTOCOMPLETE:
        yield f'autocomplete="{AUTOCOMPLETE[field.name]}"'


def _choose(field: FormField, language: str) -> str:
    return _speak(language, "choose") if field.required else "–"


def _describe(field: FormField, language: str) -> str:
    """Give the sentence below a field: its help, and of a number its bounds."""
    parts = [_set(language, say(field.help, language))] if field.help else []
    if field.type == "number":
        least, most = (f"{limit:g}" if isinstance(limit, float) else "" for limit in (field.min, field.max))
        if least and most:
            parts.append(escape(phrase(language, "bounds", least=least, most=most)))
        elif least or most:
            parts.append(escape(phrase(language, "least" if least else "most", value=least or most)))
    return " ".join(parts)


def _render_prompts(prompts: Sequence[StoryPrompt], language: str) -> str:
    """Render the choice of a managed prompt: one's own first, then the team's."""
    groups = []
    for title, found in (
        ("your_prompts", [prompt for prompt in prompts if prompt.owner != TEAM]),
        ("team_prompts", [prompt for prompt in prompts if prompt.owner == TEAM]),
    ):
        options = "".join(
            f'<option value="{escape(prompt.prompt_id)}">{escape(prompt.title)}</option>' for prompt in found
        )
        if options:
            groups.append(f'<optgroup label="{_speak(language, title)}">{options}</optgroup>')
    name = f"form-{STORY_PROMPT}"
    return (
        f'<div class="field is-choice is-wide" data-field="{STORY_PROMPT}"><label for="{name}">'
        f'{_speak(language, "prompt")}</label><select id="{name}" name="{STORY_PROMPT}"'
        f' aria-describedby="{name}-help {name}-fault"><option value="">{_speak(language, "no_prompt")}</option>'
        f'{"".join(groups)}</select><p class="hint" id="{name}-help">{_speak(language, "prompt_help")}</p>'
        f'<p class="fault" id="{name}-fault"></p></div>'
    )


def _set(language: str, text: str) -> str:
    """Escape a text of a definition, its signs set as the language does."""
    return escape(set_type(language, text))


def _speak(language: str, name: str) -> str:
    return escape(phrase(language, name))
