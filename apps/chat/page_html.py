"""The HTML of a conversation: its turns with their passages, and the welcome of an empty one, made safe to show.

Answers and passages come through `chatbot.markup.render_html`, which sanitizes; all else is escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from apps.chat.chooser_html import Choice, render_chooser
from apps.chat.page_frame import escape, icon, logo, one_line, say_safe
from apps.chat.texts import explain_code, say, set_type
from chatbot.answer import CURATED_TITLES
from chatbot.assistants.definition import Assistant
from chatbot.markup import plain_html, render_html
from chatbot.store.records import Feedback, PassageUsed
from chatbot.text import strip_html

REASONS = ("wrong", "incomplete", "unclear", "unrelated")
RETRIED = frozenset({"failed", "interrupted", "stopped"})

State = Literal["pending", "streaming", "complete", "refused", "failed", "interrupted", "stopped"]

_FENCE = re.compile(r'<pre><code(?: class="language-([\w+#.-]{1,32})")?>')
_CITED = re.compile(r'data-cite="(\d{1,3})"')


@dataclass(frozen=True, slots=True)
class TurnView:
    """A question and what there is of its answer.

    `html` is the answer, rendered and sanitized; `fault` a sentence of our own; `passages` those cited; `parts` says
    of a passage, by its number, which part of how many of its section it is; `is_curated` that people wrote the answer.
    Of what a writer writes, `given` is what it was asked for by form, and `draft` what can be done with it, rendered.
    """

    message_id: str
    question: str
    state: State
    html: str = ""
    passages: Sequence[PassageUsed] = ()
    nearest: Sequence[PassageUsed] = ()
    fault: str = ""
    parts: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    is_cut: bool = False
    is_curated: bool = False
    is_requested: bool = False
    is_writing: bool = False
    given: str = ""
    draft: str = ""
    feedback: Feedback | None = None


def wrap_feed(kind: Literal["log", "turn", "left"], content: str, thread_id: str, **marks: str) -> str:
    """Put HTML of a thread into an inert template that the script takes it from.

    It travels as the value of a Markdown component, in one line that begins with a `div`.

    Args:
        marks: what else the script has to know of the thread.
    """
    known = "".join(f' data-{name}="{escape(value)}"' for name, value in marks.items())
    head = f'<template data-feed="{kind}" data-thread="{escape(thread_id)}"{known}>'
    return f"<div>{head}{one_line(content)}</template></div>"


def render_turn(view: TurnView, language: str, name: str = "") -> str:
    """Render a question with its answer, in whatever state it is.

    Args:
        name: of the assistant, shown over its answer.
    """
    is_open = view.state in ("pending", "streaming")
    note = _render_note(view, language)
    body = f'<div class="answer-text">{_dress_code(_take_title(view), language)}</div>' if view.html else ""
    parts = [
        _render_waiting(view, language) if view.state == "pending" else "",
        *((note, body) if view.state == "refused" else (body, note)),
        view.draft,
        _render_passages(view.passages, view, language, "sources") if view.passages else "",
        _render_passages(view.nearest, view, language, "nearest") if view.nearest else "",
        _render_request(view, language) if view.state == "refused" and not view.is_writing else "",
        "" if is_open else _render_actions(view, language),
    ]
    badge = f'<b class="badge">{icon("team")}{say_safe(language, "curated")}</b>' if view.is_curated else ""
    return (
        f'<article class="turn is-{view.state}" data-turn="{escape(view.message_id)}" data-state="{view.state}"'
        f' aria-busy="{"true" if is_open else "false"}">'
        f'<div class="question"><h2 class="sr-only">{say_safe(language, "question_from")}</h2>'
        f'<div class="bubble">{plain_html(view.question)}</div></div>'
        f'<div class="answer"><h2 class="who">{logo()}<span>{escape(name) or say_safe(language, "answer_from")}</span>'
        f'{badge}</h2><div class="body">{view.given}{"".join(parts)}</div></div></article>'
    )


def pick_cited(rendered: str, found: Iterable[PassageUsed]) -> tuple[PassageUsed, ...]:
    """Give the passages that the answer refers to so far."""
    numbers = {int(number) for number in _CITED.findall(rendered)}
    return tuple(passage for passage in found if passage.number in numbers)


def render_transcript(
    turns: Sequence[TurnView], assistant: Assistant, language: str, choices: Sequence[Choice] = ()
) -> str:
    """Render a whole conversation, or the welcome where there is none.

    Args:
        choices: the assistants that a new conversation may be had with.
    """
    name = assistant.say(assistant.title, language)
    body = "".join(render_turn(view, language, name) for view in turns)
    return f'<div class="transcript">{body or render_welcome(assistant, language, choices)}</div>'


def render_welcome(assistant: Assistant, language: str, choices: Sequence[Choice] = ()) -> str:
    """Render the greeting and the examples of an empty conversation, below the choice of an assistant.

    What another assistant asks for is put into `.paper` by the script.

    Args:
        assistant: the one that is asked where none is chosen.
    """
    others = [choice for choice, _ in choices if choice.kind == "documentation" and choice != assistant]
    chooser = render_chooser(choices, language, assistant.name)
    intros = "".join(
        _render_intro(one, language, is_hidden=one is not assistant) for one in [assistant, *others]
    )
    mark = "" if chooser else f'<div class="welcome-mark">{logo()}</div>'
    return (
        f'<section class="welcome" data-assistant="{escape(assistant.name)}" data-kind="{assistant.kind}">'
        f'{mark}{chooser}{intros}<div class="paper" hidden></div></section>'
    )


def _render_intro(assistant: Assistant, language: str, *, is_hidden: bool) -> str:
    examples = assistant.examples.get("fr" if language == "fr" else "en", [])
    if assistant.kind != "documentation":
        examples = []
    items = "".join(
        f'<li><button type="button" class="example" data-example="{escape(assistant.name)}:{index}">'
        f"<span>{escape(set_type(language, text))}</span>{icon('chevron')}</button></li>"
        for index, text in enumerate(examples)
    )
    listing = f'<h2 class="label">{say_safe(language, "examples")}</h2><ul>{items}</ul>' if items else ""
    greeting = set_type(language, assistant.say(assistant.greeting, language))
    return (
        f'<div class="intro" data-of="{escape(assistant.name)}"{" hidden" if is_hidden else ""}>'
        f'<p class="greeting">{escape(greeting)}</p>{listing}</div>'
    )


def _render_waiting(view: TurnView, language: str) -> str:
    """Render the typing dots and what is being done."""
    text = say(language, "writing") if view.is_writing else view.fault or say(language, "searching")
    return (
        f'<div class="waiting"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
        f"<span>{escape(text)}</span></div>"
    )


def _render_note(view: TurnView, language: str) -> str:
    """Render what is to be said about an answer that did not end as it should."""
    if view.state == "refused":
        sign, key = ("alert", "declined") if view.is_writing else ("search", "refused")
        return f'<p class="note is-refused">{icon(sign)}<span>{say_safe(language, key)}</span></p>'
    text = ""
    if view.state == "failed":
        text = view.fault or explain_code(language, "internal_error")
    elif view.state in ("interrupted", "stopped"):
        text = say(language, f"status_{view.state}")
    elif view.is_cut:
        text = say(language, "cut")
    if not text:
        return ""
    return f'<p class="note is-{view.state}">{icon("alert")}<span>{escape(text)}</span></p>'


def _take_title(view: TurnView) -> str:
    """Give the answer's HTML, a curated one's without the title that its badge says."""
    if view.is_curated:
        for title in CURATED_TITLES.values():
            view_html = view.html.removeprefix(render_html(f"**{title}**").strip())
            if view_html != view.html:
                return view_html
    return view.html


def _render_request(view: TurnView, language: str) -> str:
    """Render the one button under a refusal, or the thanks that it turned into."""
    if view.is_requested:
        return f'<p class="documented" role="status">{icon("team")}<span>{say_safe(language, "documented")}</span></p>'
    return (
        f'<p class="request"><button type="button" class="request-documentation">{icon("ask")}'
        f"<span>{say_safe(language, 'document_this')}</span></button></p>"
    )


def _render_passages(passages: Sequence[PassageUsed], view: TurnView, language: str, kind: str) -> str:
    title = say(language, kind)
    items = "".join(_render_passage(passage, view, language, kind) for passage in passages)
    return (
        f'<section class="{kind}" aria-label="{escape(title)}"><h3 class="label">{escape(title)}'
        f' <span class="count">{len(passages)}</span></h3>{items}</section>'
    )


def _render_passage(passage: PassageUsed, view: TurnView, language: str, kind: str) -> str:
    *parents, heading = (part.strip() for part in strip_html(passage.heading or passage.source).split(" > "))
    path = " › ".join([*parents, passage.source]) if passage.heading else ""
    mark = f'<b class="number">{passage.number}</b>' if kind == "sources" else icon("page")
    part, parts = view.parts.get(passage.number, (1, 1))
    place = say(language, "part").format(part=part, parts=parts) if parts > 1 else ""
    return (
        f'<details class="source" data-number="{passage.number}"><summary>{mark}'
        f'<span class="where"><span class="heading">{escape(heading)}</span>'
        f'<span class="path">{escape(path)}{f" · <i>{escape(place)}</i>" if place else ""}</span></span>'
        f"{icon('chevron')}</summary>"
        f'<blockquote class="passage">{_render_snippet(passage.snippet)}</blockquote></details>'
    )


# A turn is rendered ten times a second while its answer comes; its passages stay the same.
@lru_cache(maxsize=512)
def _render_snippet(snippet: str) -> str:
    return render_html(snippet)


def _render_actions(view: TurnView, language: str) -> str:
    """Render copy, thumbs and retry under an answer that has ended."""
    retry = ""
    # Where a text was declined and none stands before it, there are no wishes to go on with.
    if view.state in RETRIED or (view.state == "refused" and view.is_writing and not view.draft):
        retry = (
            f'<button type="button" class="retry" data-retry="{escape(view.message_id)}">{icon("again")}'
            f"<span>{say_safe(language, 'again')}</span></button>"
        )
    if not view.html:
        return f'<div class="actions">{retry}</div>'
    value = view.feedback.value if view.feedback else 0
    copy = say_safe(language, "copy_answer")
    copier = (
        f'<button type="button" class="tool copy-answer" title="{copy}"'
        f' aria-label="{copy}">{icon("copy")}</button>'
    )
    buttons = [_render_thumb("up", 1, value, language), _render_thumb("down", -1, value, language)]
    return (
        f'<div class="actions">{retry}{"" if view.draft else copier}{"".join(buttons)}'
        f'<span class="saved" role="status">{say_safe(language, "saved") if view.feedback else ""}</span></div>'
        f"{_render_comment(view, language)}"
    )


def _render_thumb(name: str, value: int, current: int, language: str) -> str:
    text = say_safe(language, name)
    pressed = "true" if current == value else "false"
    return (
        f'<button type="button" class="tool thumb" data-value="{value}" aria-pressed="{pressed}" title="{text}"'
        f' aria-label="{text}">{icon(name)}</button>'
    )


def _render_comment(view: TurnView, language: str) -> str:
    """Render the form that a verdict opens; reasons are asked for with a thumb down alone."""
    feedback = view.feedback
    reason = feedback.reason if feedback else None
    comment = (feedback.comment if feedback else None) or ""
    field = f"comment-{escape(view.message_id)}"
    up, down = say_safe(language, "comment"), say_safe(language, "comment_bad")
    chips = "".join(
        f'<button type="button" class="chip" data-reason="{name}"'
        f' aria-pressed="{"true" if name == reason else "false"}">{say_safe(language, f"reason_{name}")}</button>'
        for name in REASONS
    )
    return (
        f'<form class="verdict" hidden aria-label="{say_safe(language, "feedback")}">'
        f'<div class="reasons" role="group" aria-label="{say_safe(language, "reason")}">{chips}</div>'
        f'<label class="sr-only" for="{field}">{up}</label><textarea id="{field}" name="comment" rows="2"'
        f' maxlength="2000" placeholder="{up}" data-up="{up}" data-down="{down}">{escape(comment)}</textarea>'
        f'<div class="verdict-buttons">'
        f'<button type="button" class="plain" data-close>{say_safe(language, "close")}</button>'
        f'<button type="submit" class="solid">{say_safe(language, "save")}</button></div></form>'
    )


def _dress_code(rendered: str, language: str) -> str:
    """Give each code block its language's name and a copy button; the sanitizer writes `pre` bare."""

    def open_block(match: re.Match[str]) -> str:
        name = match[1] or ""
        return (
            f'<div class="code"><div class="code-head"><span>{escape(name)}</span>'
            f'<button type="button" class="copy-code">{say_safe(language, "copy")}</button></div>'
            f'<pre tabindex="0">{match[0].removeprefix("<pre>")}'
        )

    return _FENCE.sub(open_block, rendered).replace("</code></pre>", "</code></pre></div>")
